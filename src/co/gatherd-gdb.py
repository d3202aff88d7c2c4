# SPDX-License-Identifier: PostgreSQL
"""What a gatherd process, or its core file, was doing: its coroutines and their stacks.

    (gdb) source /usr/share/gatherd/gatherd-gdb.py
    (gdb) gatherd tasks            every live task, and what it waits for
    (gdb) gatherd bt               the same, with the backtrace of each
    (gdb) gatherd bt NAME|0xADDR   only tasks of that name, or the one at that address

The thread that runs the loop must be selected. Nothing in the process is changed or called, so core files do as well:
those that the kernel writes. (gcore leaves out what lies around a guard that the kernel keeps inside a mapping, which on
Linux 6.13 and later is every stack.)

How: a task that does not run left its callee-saved registers where switch_*.S (or ucontext) put them. An unwinder of
ours tells gdb that the caller of the innermost frame has those registers; the rest is gdb's own work.
"""

import gdb
from gdb.unwinder import Unwinder, register_unwinder

# Offsets from the saved stack pointer, as in switch_x86_64.S and switch_aarch64.S; then the frame's size.
FRAMES = {
    "x86-64": (
        {"r15": 8, "r14": 16, "r13": 24, "r12": 32, "rbx": 40, "rbp": 48, "rip": 56},
        64,
    ),
    "aarch64": (
        {"x29": 0, "pc": 8, **{"x%d" % n: 16 + 8 * (n - 19) for n in range(19, 29)}},
        176,
    ),
}
# Where glibc keeps them in ucontext_t.uc_mcontext.gregs.
GREGS = {"r12": 4, "r13": 5, "r14": 6, "r15": 7, "rbp": 10, "rbx": 11, "rsp": 15, "rip": 16}
POINTER_BITS = {"aarch64": 48}  # above them: the signature of a return address


def architecture(frame):
    name = frame.architecture().name()
    return "x86-64" if name.startswith("i386:x86-64") else name


def container_of(node, type_name, member):
    struct = gdb.lookup_type(type_name)
    offset = next(field.bitpos // 8 for field in struct.fields() if field.name == member)
    address = int(node) - offset
    return gdb.Value(address).cast(struct.pointer()).dereference()


def list_of(head, type_name, member):
    node = head["next"]
    while int(node) != int(head.address):
        yield container_of(node, type_name, member)
        node = node["next"]


def current_loop():
    loop = gdb.parse_and_eval("loop_current")
    if int(loop) == 0:
        raise gdb.GdbError("this thread runs no loop")
    return loop.dereference()


def read_word(address):
    word = gdb.lookup_type("unsigned long")
    return int(gdb.Value(address).cast(word.pointer()).dereference())


def saved_registers(task, arch):
    """The registers of a task that does not run, the stack pointer and program counter among them."""
    context = task["context"]
    if "registers" in [field.name for field in context.type.fields()]:
        if arch != "x86-64":
            raise gdb.GdbError("ucontext is known for x86-64 only")
        gregs = context["registers"]["uc_mcontext"]["gregs"]
        return {name: int(gregs[index]) for name, index in GREGS.items()}
    offsets, size = FRAMES[arch]
    sp = int(context["sp"])
    registers = {name: read_word(sp + offset) for name, offset in offsets.items()}
    registers["rsp" if arch == "x86-64" else "sp"] = sp + size
    if arch in POINTER_BITS:
        registers["pc"] &= (1 << POINTER_BITS[arch]) - 1
    return registers


class FrameId:
    """What gdb tells frames apart by; it wants gdb.Values."""

    def __init__(self, sp, pc):
        self.sp = gdb.Value(sp)
        self.pc = gdb.Value(pc)


class TaskUnwinder(Unwinder):
    """While it has registers, they are those of the innermost frame's caller."""

    def __init__(self):
        super().__init__("gatherd-task")
        self.registers = None
        self.inner_sp = None
        self.inner_pc = None

    def __call__(self, pending):
        if self.registers is None:
            return None
        sp_name = "rsp" if "rsp" in self.registers else "sp"
        sp = int(pending.read_register(sp_name))
        pc = int(pending.read_register("pc"))
        if (sp, pc) != (self.inner_sp, self.inner_pc):
            return None
        # An address below the task's frames: gdb wants callers above the called.
        info = pending.create_unwind_info(FrameId(self.registers[sp_name] - 16, pc))
        for name, value in self.registers.items():
            register = pending.read_register(name)
            info.add_saved_register(name, gdb.Value(value & (2**64 - 1)).cast(register.type))
        return info


UNWINDER = TaskUnwinder()
register_unwinder(None, UNWINDER, replace=True)


def backtrace_of(task):
    """Lines of the backtrace of a task that does not run."""
    inner = gdb.newest_frame()
    selected = gdb.selected_frame()
    arch = architecture(inner)
    registers = saved_registers(task, arch)
    UNWINDER.inner_sp = int(inner.read_register("rsp" if arch == "x86-64" else "sp"))
    UNWINDER.inner_pc = inner.pc()
    UNWINDER.registers = registers
    level = selected.level()
    gdb.invalidate_cached_frames()
    try:
        gdb.newest_frame().select()
        lines = gdb.execute("backtrace", to_string=True).splitlines()
    finally:
        UNWINDER.registers = None
        gdb.invalidate_cached_frames()
        gdb.execute("frame %d" % level, to_string=True)
    # The first frame is where the process really is.
    first = next((i for i, line in enumerate(lines) if line.startswith("#1 ")), len(lines))
    return lines[first:]


def enum_name(value, prefix):
    return str(value).replace(prefix, "").lower()


def describe(task):
    state = enum_name(task["state"], "TASK_")
    words = ["%s" % task["name"].string(), "0x%x" % int(task.address), state]
    if state == "waiting":
        wait = enum_name(task["wait"], "WAIT_")
        words.append("for " + wait)
        if wait == "descriptor":
            words.append(str(int(task["wait_fd"])))
    if int(task["timer"]["heap_index"]) != 0:
        left_ns = int(task["timer"]["deadline_ns"]) - int(task["loop"]["now_ns"])
        words.append("deadline in %d ms" % (left_ns // 1000000))
    if bool(task["cancelled"]):
        words.append("cancelled")
    return " ".join(words)


def print_backtrace(task):
    state = enum_name(task["state"], "TASK_")
    if state == "new":
        gdb.write("    not yet run: %s\n" % task["fn"])
    elif state == "running":
        gdb.write("    runs now: see bt\n")
    else:
        for line in backtrace_of(task):
            gdb.write("    %s\n" % line)


class Gatherd(gdb.Command):
    """Help with gatherd's coroutines: gatherd tasks, gatherd bt."""

    def __init__(self):
        super().__init__("gatherd", gdb.COMMAND_USER, prefix=True)


class Tasks(gdb.Command):
    """Lists the live tasks of the loop that this thread runs."""

    def __init__(self):
        super().__init__("gatherd tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for task in list_of(current_loop()["tasks"], "struct co_task", "node"):
            gdb.write(describe(task) + "\n")


class Bt(gdb.Command):
    """Backtraces of the live tasks: all, those of one name, or the one at an address."""

    def __init__(self):
        super().__init__("gatherd bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = argument.strip()
        for task in list_of(current_loop()["tasks"], "struct co_task", "node"):
            if wanted in ("", task["name"].string(), "0x%x" % int(task.address)):
                gdb.write(describe(task) + "\n")
                print_backtrace(task)


Gatherd()
Tasks()
Bt()
