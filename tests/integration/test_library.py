# SPDX-License-Identifier: PostgreSQL
"""libgather as its users get it: installed, found by pkg-config, from C and C++."""
import os
import re
import shlex
import subprocess

import pytest

from harness import programs
from harness.wait import LIMIT_S

HERE = os.path.dirname(__file__)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The tree that `make install` makes; the prefix's root."""
    root = str(tmp_path_factory.mktemp("installed"))
    done = subprocess.run(["make", "-s", "-C", programs.BUILD, "install", f"DESTDIR={root}"], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S * 10, check=False)
    assert done.returncode == 0, done.stderr
    return root


def pkg_config(root, *arguments):
    found = [folder for folder, _, files in os.walk(root) if "libgather.pc" in files]
    assert found, "no libgather.pc is installed"
    env = {**os.environ, "PKG_CONFIG_PATH": found[0], "PKG_CONFIG_SYSROOT_DIR": root}
    out = subprocess.run(["pkg-config", *arguments, "libgather"], env=env, text=True, capture_output=True, check=True)
    return shlex.split(out.stdout)


def shared_library(root):
    return next(os.path.join(folder, "libgather.so") for folder, _, files in os.walk(root) if "libgather.so" in files)


def needed(path):
    return subprocess.run(["readelf", "-d", path], text=True, capture_output=True, check=True).stdout


def compile_program(root, source, target, compiler, *flags):
    # a library with the address sanitizer needs it in the program too
    sanitize = ["-fsanitize=address,undefined"] if "libasan" in needed(shared_library(root)) else []
    done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", *sanitize, *flags, source, "-o", target,
                           *pkg_config(root, "--cflags", "--libs")], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def library_path(root):
    return {"LD_LIBRARY_PATH": os.path.dirname(shared_library(root))}


def test_example_program(installed, gatherd, tmp_path):
    target = str(tmp_path / "library")
    compile_program(installed, os.path.join(HERE, "library.c"), target, ["gcc", "-std=gnu11"])
    env = {**os.environ, "GATHERD_SOCKET": gatherd.socket_path, **library_path(installed)}
    done = subprocess.run([target], env=env, text=True, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0 and done.stdout == "well\n", done.stderr
    programs.assert_clean(done.stderr)


def test_the_manuals_example(installed, gatherd, tmp_path):
    with open(os.path.join(programs.ROOT, "docs", "man", "libgather.3"), encoding="utf-8") as file:
        source = re.search(r"^\.Bd -literal\n(#include.*?)^\.Ed$", file.read(), re.M | re.S)[1]
    (tmp_path / "example.c").write_text(source.replace("\\e", "\\"), "utf-8")
    target = str(tmp_path / "example")
    compile_program(installed, str(tmp_path / "example.c"), target, ["gcc", "-std=gnu11"])
    for path, status, out, err in ((gatherd.socket_path, 0, r"sum: 42\nnow: \d{4}-.*\n", ""),
                                   ("/nonexistent/sock", 1, "", r"example: no gatherd at /nonexistent/sock: No such.*\n")):
        env = {**os.environ, "GATHERD_SOCKET": path, **library_path(installed)}
        done = subprocess.run([target], env=env, text=True, capture_output=True, timeout=LIMIT_S, check=False)
        assert done.returncode == status and re.fullmatch(out, done.stdout) and re.fullmatch(err, done.stderr), done


def test_the_manual_names_every_function():
    with open(os.path.join(programs.ROOT, "src", "client", "gather.h"), encoding="utf-8") as file:
        functions = re.findall(r"^GATHER_API [^(;]*?(gather_\w+)\(", file.read(), re.M)
    with open(os.path.join(programs.ROOT, "docs", "man", "libgather.3"), encoding="utf-8") as file:
        named = set(re.findall(r"\w+", file.read()))
    # Of these the page has the beginning once, and then their ends.
    grouped = ("gather_request_param_", "gather_request_set_")
    missing = [name for name in functions if name not in named and
               not any(name.startswith(begin) and name[len(begin):] in named for begin in grouped)]
    assert len(functions) > 60 and not missing, missing


def test_header_is_c99_and_c_plus_plus(installed, tmp_path):
    for compiler, name in ((["gcc", "-std=c99", "-pedantic-errors"], "a.c"), (["g++", "-std=c++11"], "a.cc")):
        if subprocess.run(["which", compiler[0]], capture_output=True, check=False).returncode:
            pytest.skip(f"no {compiler[0]}")
        source = tmp_path / name
        source.write_text("#include <gather.h>\nint main(void) { return gather_version() == 0; }\n", "utf-8")
        compile_program(installed, str(source), str(tmp_path / "out"), compiler)


def test_only_the_public_names_are_exported(installed):
    out = subprocess.run(["nm", "-D", "--defined-only", shared_library(installed)], text=True, capture_output=True,
                         check=True).stdout
    names = [line.split()[-1] for line in out.splitlines()]
    assert names and all(name.startswith("gather_") for name in names), names


def test_the_command_does_not_need_libpq(installed):
    gather = next(os.path.join(folder, "gather") for folder, _, files in os.walk(installed) if "gather" in files)
    assert "libpq" not in needed(gather) and "libevent" not in needed(gather)


def test_uninstall_leaves_nothing(tmp_path):
    root = str(tmp_path / "root")
    for target in ("install", "uninstall"):
        subprocess.run(["make", "-s", "-C", programs.BUILD, target, f"DESTDIR={root}"], check=True,
                       capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S * 10)
    left = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    assert not left
