# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# `./dev trixie [TIER]...`: tiers of `./dev check` inside a Debian 13 root, with its compilers, PostgreSQL 17 and libpq 17; dev
# sources this file. The root is made once, in build/trixie/root (`./dev trixie root` does only that); the tree is copied to
# its /gatherd, whose build/ stays.

trixie_dir=$root/build/trixie
packages_trixie=("${packages_build[@]}" "${packages_unit[@]}" "${packages_integration[@]}" postgresql iproute2)

# The mirror that apt uses on this machine for Debian itself.
trixie_mirror() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(SITE) $(COMPONENT)' 'Label: Debian' 'Created-By: Packages' 2>/dev/null |
		awk '$2 == "main" { print $1; exit }'
}

trixie_make() {
	local mirror new=$trixie_dir/root.new
	need mmdebstrap
	mirror=$(trixie_mirror)
	[[ -n $mirror ]] || mirror=$(apt-get -qq update && trixie_mirror)
	[[ -n $mirror ]] || die "apt knows no mirror of Debian"
	echo "making a Debian 13 root (build/log/trixie-root.log)" >&2
	rm -rf "$trixie_dir"
	mkdir -p "$new"
	mmdebstrap --mode=root --variant=minbase --include="$(IFS=, && echo "${packages_trixie[*]}")" \
		trixie "$new" "$mirror" >"$log_dir/trixie-root.log" 2>&1 </dev/null ||
		die "mmdebstrap failed: build/log/trixie-root.log"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$new/etc/hosts"
	mv "$new" "$trixie_dir/root"
}

# trixie_enter [OPTION]... -- COMMAND...: in the root, with mounts and processes of its own: when it ends, however it does, nothing
# of it is left. OPTION: of unshare.
# shellcheck disable=SC2016 # for the shell in there
trixie_enter() {
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	unshare --mount --propagation private --pid --fork --kill-child "${options[@]}" bash -euc '
		cd "$1"
		mount -t proc proc proc
		mount --rbind /dev dev
		mount -t tmpfs -o mode=1777 tmpfs dev/shm
		mount -t tmpfs -o mode=1777 tmpfs tmp
		exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "${@:2}"' \
		trixie "$trixie_dir/root" "CI=${CI:-}" "TERM=${TERM:-dumb}" "${@:2}"
}

# The root, with the packages that are wanted today.
trixie_root() {
	local wanted="${packages_trixie[*]}"
	[[ -e $trixie_dir/root ]] || trixie_make
	[[ "$(cat "$trixie_dir/packages" 2>/dev/null)" == "$wanted" ]] ||
		trixie_enter -- DEBIAN_FRONTEND=noninteractive sh -euc 'apt-get -qq update
			apt-get -qq install -y --no-upgrade --no-install-recommends "$@"' sh "${packages_trixie[@]}" \
			>>"$log_dir/trixie-root.log" 2>&1 </dev/null || die "apt-get failed: build/log/trixie-root.log"
	echo "$wanted" >"$trixie_dir/packages"
}

# What git knows or would take, or all of a tarball; not what is made of it, which the other autotools make again.
trixie_files() {
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files --cached --others --exclude-standard
	else
		find . -path ./build -prune -o -type f -printf '%P\n'
	fi | while IFS= read -r file; do [[ ! -e $file ]] || printf '%s\n' "$file"; done | sort
}

# Times are kept, so that only what has changed is built again.
trixie_copy() {
	local to=$trixie_dir/root/gatherd
	mkdir -p "$to"
	trixie_files >"$trixie_dir/files.new"
	[[ ! -e $trixie_dir/files ]] || comm -23 "$trixie_dir/files" "$trixie_dir/files.new" | (cd "$to" && xargs -r -d '\n' rm -f --)
	tar -c --no-recursion --verbatim-files-from -T "$trixie_dir/files.new" | tar -x -C "$to" --no-same-owner
	mv "$trixie_dir/files.new" "$trixie_dir/files"
}

# The network is its own too, so that it does not meet what else is tested on this machine.
trixie() {
	((EUID == 0)) || die "trixie needs root"
	mkdir -p "$log_dir"
	trixie_root
	[[ ${1:-} != root ]] || return 0
	trixie_copy
	(($#)) || set -- asan integration
	# shellcheck disable=SC2016 # for the shell in there
	trixie_enter --net --ipc --uts -- bash -euc 'ip link set lo up; cd /gatherd; ./dev check "$@"' bash "$@"
}
