# apt.bash -- Debian's packages for arm64 on a machine of another kind; sourced. Nothing of this machine changes: apt has
# lists and a state of its own, and dpkg does not learn of arm64.
#
#   apt_arm64 DIR [RELEASE]    sets APT_OPTIONS, for apt-get and apt-cache: their state is in DIR, which is made, and their
#                              lists are of this machine's sources, or of that release, by the same server. False, with a
#                              word on standard error, if the lists cannot be had

apt_arm64() {
	local dir server
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "no apt-get, to get packages for arm64" >&2; return 1; }
	mkdir -p "$1/lists/partial" "$1/cache/archives/partial" && dir=$(cd "$1" && pwd) && : >"$dir/status" || return
	APT_OPTIONS=(-q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=root
		-o APT::Install-Recommends=false -o Dir::State="$dir" -o Dir::State::status="$dir/status"
		-o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache")
	if [ "${2-}" ]; then
		server=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | head -n 1)
		[ "$server" ] || { echo "no server of Debian's among apt's sources" >&2; return 1; }
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $server $2 main" >"$dir/sources.list"
		APT_OPTIONS+=(-o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null)
	fi
	timeout 300 apt-get "${APT_OPTIONS[@]}" -q update >"$dir/log" 2>&1 && return
	echo "no lists of arm64's packages: $(grep -m 1 ^E: "$dir/log")" >&2
	return 1
}
