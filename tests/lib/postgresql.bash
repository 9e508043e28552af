# postgresql.bash -- where PostgreSQL's programs are on this machine, and who may run them.
#
#   find_postgresql    $PG_BIN, and "${PG_AS[@]}" to become the user whose server it is; $WORK is that user's then. The
#                      library is copied to where that user can read it. Without PostgreSQL the case ends as skipped.

find_postgresql() {
	PG_BIN=$(dirname "$(readlink -f "$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -n 1)")" 2>/dev/null)
	[ -x "$PG_BIN/initdb" ] || PG_BIN=$(dirname "$(command -v postgres)")
	[ -x "$PG_BIN/initdb" ] || skip "no postgresql on this machine"
	need psql
	PG_AS=(env)
	if [ "$(id -u)" -eq 0 ]; then
		id postgres >/dev/null 2>&1 || skip "no user postgres"
		need setpriv
		PG_AS=(setpriv --reuid=postgres --regid="$(id -gn postgres)" --clear-groups)
		chown postgres "$WORK"
		chmod 755 "$WORK/.."
	fi
	cp "$LIBRARY" "$WORK/libvmmalloc.so.1"
	LIBRARY=$WORK/libvmmalloc.so.1
}
export -f find_postgresql
