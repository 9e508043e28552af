#!/bin/bash
# programs.bash -- real programs that run and end: each does the same on a pool as without, and its heap was there.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/helpers/e2e.bash"

# The system's own interpreters, not a version manager's script in front of them.
PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:$PATH

case_bash() {
	same_work <<'SCRIPT'
	set -euo pipefail
	declare -A word_count
	while read -r word; do
		word_count[$word]=$((${word_count[$word]-0} + 1))
	done < <(for i in {1..2000}; do echo "word$((i % 37))"; done)
	for word in "${!word_count[@]}"; do echo "$word ${word_count[$word]}"; done | sort
	sum=0
	for i in {1..150}; do
		sum=$((sum + $(echo "$i")))
	done
	echo "$sum"
	(cd / && (exit 3)) || echo "subshell said $?"
	seq 1 20000 | grep -v 7 | while read -r n; do echo $((n * 2)); done | tail -n 3
	for i in 1 2 3 4; do (seq $((i * 1000)) >job.$i) & done
	wait
	wc -l job.* | tail -n 1
	long=$(printf 'x%.0s' {1..4000})
	echo "${#long} ${long//x/yy}" | md5sum
	mapfile -t lines <job.4
	echo "${#lines[@]} ${lines[3999]}"
	cat <<-END | tr a-z A-Z
		here document with $(echo a substitution)
	END
	coproc { while read -r line; do echo "coprocess got $line"; done; }
	echo hello >&"${COPROC[1]}"
	read -r answer <&"${COPROC[0]}"
	echo "$answer"
SCRIPT
	witnessed bash
}

case_sort() {
	awk 'BEGIN { srand(7); for (i = 0; i < 500000; i++) printf "%.0f line %d\n", rand() * 1e12, i }' >lines
	same_work <<'SCRIPT'
	set -eu
	sort --parallel=2 -S 128M ../lines | md5sum
	sort --parallel=2 -S 4M -T . -k1,1n -k3,3nr ../lines | md5sum
	sort -u -t' ' -k2,2 ../lines
SCRIPT
	witnessed sort:40
}

case_text_tools() {
	awk 'BEGIN { for (i = 0; i < 120000; i++) print i, i * 7919 % 10007, "text" i % 211 }' >table
	same_work <<'SCRIPT'
	set -eu
	awk '{ n[$3] += $2; list[$3] = list[$3] " " $1 } END { for (w in n) print w, n[w], length(list[w]) }' ../table | sort
	sed -E 's/([0-9]+) ([0-9]+)/\2-\1/; /9$/d' ../table | md5sum
	sed -n '$!{H;d};H;x;s/\n/,/g;p' <(head -n 3000 ../table) | md5sum
	grep -cE '(1|3){2}.*text(1|2)0' ../table
	cut -d' ' -f2 ../table | sort -n | uniq -c | sort -k1,1nr -k2,2n | head -n 5
	join <(sort ../table) <(sort ../table) | md5sum
	diff <(seq 1 5000) <(seq 1 5000 | sed 's/77/78/') || true
	find /usr/share/doc -name 'copyright' | sort | md5sum
	seq 1 300 | xargs -P 2 -n 50 echo | sort
	tr -cd '0-9' <../table | fold -w 60 | tac | md5sum
	SHELL=/bin/sh split -l 30000 ../table part. && cat part.* | cmp - ../table
SCRIPT
	witnessed awk sed grep join find xargs diff
}

case_gcc() {
	need gcc
	same_work <<'SCRIPT'
	set -eu
	for part in one two three; do
		{
			echo '#include <stdio.h>'
			echo '#include <stdlib.h>'
			for i in {1..120}; do
				echo "static int f$i(int x) { int a[8] = { x, $i }; for (int i = 1; i < 8; i++)" \
					"a[i] = a[i - 1] * $i + (x ^ i); return a[7] % 1000; }"
			done
			echo "int $part(int x) { char *s = malloc(64); snprintf(s, 64, \"%d\", x); int r = atoi(s); free(s);"
			for i in {1..120}; do echo "r += f$i(r);"; done
			echo 'return r; }'
		} >$part.c
	done
	echo 'int puts(const char *); int printf(const char *, ...); int one(int), two(int), three(int);
	int main(void) { return printf("%d\n", one(1) + two(2) + three(3)) < 0; }' >main.c
	gcc -O2 -Wall -c one.c
	gcc -O1 -flto -c two.c
	gcc -O2 -g -pipe -c three.c
	gcc -O2 -flto=2 main.c one.o two.o three.o -o program
	./program
	rm two.o program    # link-time names are random
	echo 'int broken( { return 0; }' >broken.c
	gcc -c broken.c || echo "gcc said $?"
SCRIPT
	witnessed gcc cc1:4 "$(assembler)" ld lto1-ltrans program
}

case_gxx() {
	need g++
	same_work <<'SCRIPT'
	set -eu
	cat >templates.cc <<-'END'
		#include <algorithm>
		#include <functional>
		#include <iostream>
		#include <map>
		#include <regex>
		#include <string>
		#include <thread>
		#include <tuple>
		#include <unordered_map>
		#include <variant>
		#include <vector>
		template <unsigned N> struct fibonacci { static constexpr unsigned long value = fibonacci<N - 1>::value + fibonacci<N - 2>::value; };
		template <> struct fibonacci<0> { static constexpr unsigned long value = 0; };
		template <> struct fibonacci<1> { static constexpr unsigned long value = 1; };
		template <typename... T> auto pack(T... t) { return std::make_tuple(std::vector<T>(10, t)...); }
		template <std::size_t... I> auto many(std::index_sequence<I...>) { return pack(std::variant<int, std::string>(int(I))...); }
		int main()
		{
			std::map<std::string, std::vector<std::function<int(int)>>> map;
			for (int i = 0; i < 1000; i++)
				map["key" + std::to_string(i % 50)].push_back([i](int x) { return x * i; });
			long sum = 0;
			for (auto &[key, functions] : map)
				for (auto &f : functions)
					sum += f(3);
			std::vector<std::thread> threads;
			std::vector<std::unordered_map<int, std::string>> maps(4);
			for (auto &m : maps)
				threads.emplace_back([&m] { for (int i = 0; i < 20000; i++) m[i] = std::string(i % 90, 'x'); });
			for (auto &t : threads)
				t.join();
			for (auto &m : maps)
				for (auto &[k, v] : m)
					sum += k + long(v.size());
			auto packed = many(std::make_index_sequence<60>());
			std::string text = "a1 bb22 ccc333";
			text = std::regex_replace(text, std::regex("([a-z]+)([0-9]+)"), "$2$1");
			std::cout << fibonacci<90>::value << ' ' << sum << ' ' << std::get<3>(packed).size() << ' ' << text << std::endl;
			try { throw std::runtime_error("thrown"); } catch (std::exception &e) { std::cout << e.what() << std::endl; }
			return 0;
		}
	END
	g++ -std=c++17 -O1 -pthread templates.cc -o program
	./program
SCRIPT
	witnessed g++ cc1plus:15 "$(assembler)" ld program
}

case_make() {
	need gcc make
	same_work <<'SCRIPT'
	set -eu
	for i in {1..12}; do
		printf '#include <string.h>\nint part%d(void) { return (int)strlen("%s") + %d; }\n' $i "$(printf "%0${i}d" 0)" $i >part$i.c
	done
	{
		for i in {1..12}; do echo "int part$i(void);"; done
		echo '#include <stdio.h>'
		echo 'int main(void) { int n = 0;'
		for i in {1..12}; do echo "n += part$i();"; done
		echo 'printf("%d\n", n); return 0; }'
	} >main.c
	cat >Makefile <<-'END'
		.RECIPEPREFIX = >
		PARTS := $(patsubst %.c,%.o,$(wildcard part*.c))
		program: main.o libparts.a
		> $(CC) $^ -o $@
		libparts.a: $(sort $(PARTS))
		> ar rcD $@ $^
		%.o: %.c
		> @$(CC) -O2 -c $< -o $@
		check: program
		> @test "$$(./program)" -eq 156 && $(MAKE) --no-print-directory said
		said: ; @echo $(shell echo checked | tr a-z A-Z)
	END
	make -j2
	make -j2 check
SCRIPT
	witnessed make ar cc1 program
}

case_git() {
	need git
	# the index and the logs carry times and inode numbers
	SAME_EXCEPT=.git same_work <<'SCRIPT'
	set -eu
	export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C \
		GIT_COMMITTER_EMAIL=c@example.org GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
	git init -q -b main .
	git config pack.threads 2
	git config gc.auto 0
	for i in {1..10}; do
		for f in {1..15}; do seq $i $((i * f * 11)) >file$f; done
		git add file*
		git commit -q -m "commit $i"
	done
	git log --oneline
	git gc -q
	git repack -adfq --depth=50 --window=50
	git checkout -q -b side HEAD~5
	echo side >side-file
	git add side-file && git commit -q -m side
	git merge -q -m merge main
	git log --graph --stat --format=%H -n 4
	git blame file3 | tail -n 3
	git grep -n 777 | head -n 5
	git archive HEAD | md5sum
	git clone -q --no-local . clone
	git -C clone log -1 --format=%H
	rm -rf clone
	git fsck --full --strict
	git rev-list --objects --all | md5sum
SCRIPT
	witnessed git:3
}

case_python() {
	need python3
	cat >program.py <<-'END'
		import collections, concurrent.futures, ctypes, hashlib, json, multiprocessing, os, re, subprocess, sys, threading, zlib

		results = {}

		def work(n):
		    results[n] = sum(len(str(x)) for x in [bytearray(i % 500) for i in range(1000)])

		def square(n):
		    return sum(x * x for x in range(n))

		def main():
		    words = {f"key{i}": [i, str(i) * 3, {"n": i}] for i in range(30000)}
		    text = json.dumps(words, sort_keys=True)
		    assert json.loads(text) == words
		    print(hashlib.sha256(text.encode()).hexdigest(), len(zlib.compress(text.encode(), 6)))
		    print(collections.Counter(re.findall(r"\d", text)).most_common(3))

		    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
		    [t.start() for t in threads]
		    [t.join() for t in threads]
		    print(sorted(results.items()))

		    print(subprocess.run(["sort", "-r"], input="b\na\nc\n", capture_output=True, text=True).stdout)
		    print(subprocess.check_output("echo $((6 * 7))", shell=True))
		    print(os.popen("echo popen").read())
		    sys.stdout.flush()

		    with multiprocessing.get_context("fork").Pool(3) as pool:
		        print(pool.map(square, range(200))[-3:])
		    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
		        print(list(pool.map(len, ["a" * 100000, "b" * 5])))
		    sys.stdout.flush()

		    pid, fd = os.forkpty()
		    if pid == 0:
		        print(len(json.loads(text)))
		        sys.stdout.flush()
		        os._exit(5)
		    print(os.read(fd, 5), os.waitpid(pid, 0)[1])

		    libc = ctypes.CDLL(None)
		    libc.strdup.restype = ctypes.c_void_p
		    libc.free.argtypes = [ctypes.c_void_p]
		    libc.free(libc.strdup(b"from libc"))

		if __name__ == "__main__":
		    main()
	END
	same_work <<-'SCRIPT'
		set -eu
		python3 ../program.py
		PYTHONMALLOC=malloc python3 ../program.py
	SCRIPT
	witnessed python3:20 sort
}

case_perl() {
	need perl
	same_work <<'SCRIPT'
	set -eu
	perl -e '
		use strict; use warnings;
		my %count; my @all;
		for my $i (1 .. 60000) { $count{"key" . $i % 9973} .= chr(65 + $i % 26); push @all, [$i, "x" x ($i % 50)]; }
		print join(",", map { "$_=" . length $count{$_} } (sort keys %count)[0 .. 9]), "\n";
		@all = sort { length $b->[1] <=> length $a->[1] || $a->[0] <=> $b->[0] } @all;
		print "$all[0][0] $all[-1][0]\n";
		my $text = join " ", map { $_->[1] } @all;
		my $n = () = $text =~ /x{7,9}\s/g;
		print "$n matches\n";
		$| = 1;
		for my $child (1 .. 5) {
			pipe my $reader, my $writer or die;
			my $pid = fork // die;
			if (!$pid) {
				my %own = map { $_ => "child$child" x 10 } 1 .. 20000;
				$count{new} = 1 for 1 .. 100;
				print $writer scalar(keys %own), " ", scalar(keys %count), "\n";
				exit $child;
			}
			close $writer;
			print "child $child: ", scalar <$reader>;
			waitpid $pid, 0;
			print "ended with ", $? >> 8, "\n";
			delete $count{"key$child"};
		}
		print scalar(keys %count), " ", `echo from a shell`;
		open my $pipe, "-|", "seq 1 5" or die;
		print map { $_ * 2 . " " } <$pipe>;
		print "\n";
	'
SCRIPT
	witnessed perl:10
}

case_java() {
	need java javac
	same_work <<'SCRIPT'
	set -eu
	cat >Program.java <<-'END'
		import java.util.*;
		import java.util.concurrent.*;
		import java.util.stream.*;
		import java.util.zip.*;
		public class Program {
			public static void main(String[] arguments) throws Exception {
				ExecutorService pool = Executors.newFixedThreadPool(4);
				List<Future<Long>> futures = new ArrayList<>();
				for (int n = 0; n < 8; n++) {
					final int seed = n;
					futures.add(pool.submit(() -> {
						Map<String, Integer> map = new HashMap<>();
						for (int i = 0; i < 50000; i++)
							map.merge("key" + (i * 31 + seed) % 1009, i, Integer::sum);
						Deflater deflater = new Deflater();   // its state is malloc'd
						deflater.setInput(map.toString().getBytes());
						deflater.finish();
						long bytes = deflater.deflate(new byte[1 << 20]);
						deflater.end();
						return map.values().stream().mapToLong(v -> v).sum() + bytes;
					}));
				}
				for (Future<Long> f : futures)
					System.out.println(f.get());
				pool.shutdown();
				java.nio.ByteBuffer direct = java.nio.ByteBuffer.allocateDirect(20 << 20);
				direct.put(19 << 20, (byte)42);
				System.out.println(direct.get(19 << 20));
				Process p = new ProcessBuilder("echo", "from a child").inheritIO().start();
				System.out.println(p.waitFor());
				System.out.println(IntStream.range(0, 100000).parallel().filter(i -> i % 7 == 0).count());
			}
		}
	END
	javac -J-Xmx256m Program.java
	java -Xmx256m Program
SCRIPT
	witnessed java:20 javac
}

case_node() {
	need node
	same_work <<'SCRIPT'
	set -eu
	cat >program.js <<-'END'
		const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
		const { execFileSync } = require('child_process');
		const zlib = require('zlib'), crypto = require('crypto');
		if (isMainThread) {
			const map = new Map();
			for (let i = 0; i < 100000; i++) map.set('key' + i % 5003, { i, s: 'x'.repeat(i % 40) });
			const text = JSON.stringify([...map]);
			console.log(map.size, crypto.createHash('sha256').update(text).digest('hex'), zlib.gzipSync(text).length);
			const buffers = [];
			for (let i = 0; i < 300; i++) buffers.push(Buffer.alloc(100000, i));
			console.log(buffers.reduce((sum, b) => sum + b[99999], 0));
			console.log(execFileSync('echo', ['from a child']).toString());
			Promise.all([1, 2, 3].map(n => new Promise((resolve, reject) => {
				const worker = new Worker(__filename, { workerData: n });
				worker.on('message', resolve);
				worker.on('error', reject);
			}))).then(results => console.log(results));
		} else {
			const parts = [];
			for (let i = 0; i < 30000; i++) parts.push(Buffer.from('worker ' + workerData + i));
			parentPort.postMessage(Buffer.concat(parts).length);
		}
	END
	node program.js
SCRIPT
	witnessed node:30
}

case_rust() {
	need rustc
	rustc --version >/dev/null 2>&1 || skip "rustc does not run"
	same_work <<'SCRIPT'
	set -eu
	cat >program.rs <<-'END'
		use std::collections::{BTreeMap, HashMap};
		use std::sync::{mpsc, Arc, Mutex};
		use std::thread;
		fn main() {
			let shared = Arc::new(Mutex::new(BTreeMap::new()));
			let (sender, receiver) = mpsc::channel();
			let threads: Vec<_> = (0..6u64).map(|n| {
				let (shared, sender) = (shared.clone(), sender.clone());
				thread::spawn(move || {
					let mut map: HashMap<u64, String> = HashMap::new();
					for i in 0..30000 { map.insert(i * 7 + n, "s".repeat((i % 60) as usize)); }
					let total: usize = map.values().map(|s| s.len()).sum();
					shared.lock().unwrap().insert(n, total);
					for i in 0..1000 { sender.send(Box::new(vec![n + i; 50])).unwrap(); }
				})
			}).collect();
			drop(sender);
			let sum: u64 = receiver.iter().map(|b| b.iter().sum::<u64>()).sum();
			for t in threads { t.join().unwrap(); }
			println!("{} {:?}", sum, shared.lock().unwrap());
			let caught = std::panic::catch_unwind(|| { let v: Vec<u8> = Vec::new(); v[1] });
			println!("{}", caught.is_err());
			let out = std::process::Command::new("echo").arg("from a child").output().unwrap();
			print!("{}", String::from_utf8_lossy(&out.stdout));
		}
	END
	rustc -O --edition 2021 program.rs 2>&1
	./program 2>/dev/null
SCRIPT
	witnessed rustc program:8
}

case_compressors() {
	need xz zstd
	seq 1 300000 >data
	mkdir tree
	(cd tree && split -n 40 ../data)
	same_work <<'SCRIPT'
	set -eu
	tar -C .. --mtime=@0 --owner=0 --group=0 --sort=name -cf tree.tar tree
	tar -C .. --mtime=@0 --owner=0 --group=0 --sort=name -czf tree.tar.gz tree
	tar -C .. --mtime=@0 --owner=0 --group=0 --sort=name -cJf tree.tar.xz tree
	gzip -9c ../data | md5sum
	xz -T2 -3 --block-size=1MiB -c ../data >data.xz
	xz -T2 -dc data.xz | cmp - ../data
	zstd -q -T2 -12 -c ../data >data.zst
	zstd -q -dc data.zst | cmp - ../data
	bzip2 -c ../data | bzip2 -dc | cmp - ../data
	mkdir out
	tar -C out -xf tree.tar.xz
	diff -r out/tree ../tree
	rm -rf out
SCRIPT
	witnessed tar gzip xz:15 zstd:5
}

case_sqlite3() {
	need sqlite3
	same_work <<'SCRIPT'
	set -eu
	sqlite3 test.db <<-'END'
		PRAGMA page_size = 4096;
		PRAGMA cache_size = -20000;
		CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, kind INTEGER);
		BEGIN;
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
		INSERT INTO item SELECT i, 'item number ' || (i * 7919 % 120011), i % 977 / 10.0, i % 13 FROM n;
		COMMIT;
		CREATE INDEX item_name ON item (name);
		CREATE INDEX item_kind ON item (kind, price);
		SELECT kind, count(*), round(sum(price), 2), max(name) FROM item GROUP BY kind ORDER BY kind;
		SELECT a.id, b.id FROM item a JOIN item b ON a.name = b.name WHERE a.kind = 3 AND a.price < 0.5 ORDER BY 1 LIMIT 5;
		UPDATE item SET name = upper(name) WHERE kind = 5;
		DELETE FROM item WHERE price > 90;
		VACUUM;
		PRAGMA integrity_check;
		SELECT json_group_array(name) FROM (SELECT name FROM item WHERE kind = 5 ORDER BY name LIMIT 3);
		WITH RECURSIVE t(i, s) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, s || s FROM t WHERE i < 22) SELECT length(max(s)) FROM t;
	END
	sqlite3 test.db .dump | md5sum
	# the change counter and the version-valid-for number are the same, too
	md5sum <test.db
SCRIPT
	witnessed sqlite3:20
}

case_editors() {
	need ed vim
	same_work <<'SCRIPT'
	set -eu
	seq 1 20000 | sed 's/.*/line & of the text/' >text
	printf '%s\n' 'g/77/s/line/LINE/' '1,100m$' '/LINE/;+5p' '$a' 'appended' . '%s/of/OF/g' u w q | ed -s text
	md5sum text
	vim -u NONE -i NONE -n -N -es -c '%s/text/TEXT/g' -c 'g/99/d' -c 'sort! n' -c '1,2000join' -c 'normal! ggyyGp' -c wq text
	md5sum text
SCRIPT
	witnessed ed vim:5
}

case_tcl() {
	need tclsh
	same_work <<'SCRIPT'
	set -eu
	cat >program.tcl <<-'END'
		for {set i 0} {$i < 60000} {incr i} { lappend list [expr {$i * 7919 % 60013}]; dict set d key$i [string repeat x [expr {$i % 70}]] }
		puts [lrange [lsort -integer -decreasing $list] 0 5]
		puts [string length [join [dict values $d] ,]]
		puts [exec echo from a child | tr a-z A-Z]
		proc fibonacci n { expr {$n < 2 ? $n : [fibonacci [expr {$n - 1}]] + [fibonacci [expr {$n - 2}]]} }
		puts [fibonacci 18]
		set i [interp create]; puts [$i eval {set x [list a b c]; llength $x}]; interp delete $i
		puts [regsub -all {x+} [string range [dict get $d key69] 0 9] y]
	END
	tclsh program.tcl
SCRIPT
	witnessed tclsh:8
}

case_gdb() {
	need gdb gcc
	cat >program.c <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		struct node { int value; struct node *next; };
		static struct node *push(struct node *list, int value)
		{
			struct node *n = malloc(sizeof(*n));
			n->value = value;
			n->next = list;
			return n;
		}
		int main(void)
		{
			struct node *list = NULL;
			for (int i = 0; i < 5; i++)
				list = push(list, i * i);
			printf("%d\n", list->value);
			return 0;
		}
	END
	gcc -g -O0 program.c -o program
	gdb -nx -batch -ex run ./program >/dev/null 2>&1 || skip "gdb cannot run a program here"
	# gdb itself and the program that it traces, both on pools
	same_work <<'SCRIPT'
	set -eu
	gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'break 8 if value == 9' -ex run -ex bt -ex 'print *list' \
		-ex 'print list->next->next->value' -ex finish -ex 'info types node' -ex 'print sizeof(struct node)' \
		-ex delete -ex continue ../program | sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/process [0-9]+/process PID/'
	gdb -nx -batch -ex 'disassemble main' -ex 'info functions push' ../program | md5sum
SCRIPT
	witnessed gdb:5 program
}

case_openssl() {
	need openssl
	on_pool openssl genrsa -out key.pem 2048 2>/dev/null || fail "openssl genrsa: $?"
	openssl rsa -in key.pem -check -noout | grep -q 'RSA key ok' || fail "the key is not sound"
	on_pool openssl rsa -in key.pem -pubout -out public.pem 2>/dev/null
	seq 1 1000 >text
	on_pool openssl dgst -sha256 -sign key.pem -out signature text || fail "cannot sign"
	openssl dgst -sha256 -verify public.pem -signature signature text || fail "the signature is wrong"
	same_work <<'SCRIPT'
	set -eu
	openssl enc -aes-256-cbc -pbkdf2 -S 0102030405060708 -k secret -in ../text -out text.enc
	openssl enc -d -aes-256-cbc -pbkdf2 -S 0102030405060708 -k secret -in text.enc | cmp - ../text
	openssl dgst -sha512 ../text ../key.pem
	openssl req -new -x509 -key ../key.pem -subj /CN=example.org -set_serial 1 -days 1 | openssl x509 -noout -subject
SCRIPT
	on_pool openssl speed -seconds 1 -bytes 1024 sha256 2>speed.errors >speed || { cat speed.errors; fail "openssl speed"; }
	grep -q '^sha256 ' speed || fail "openssl speed printed no figure"
	witnessed openssl
}

case_ssh_keygen() {
	need ssh-keygen
	on_pool ssh-keygen -q -t ed25519 -N secret -C test -f ed || fail "ssh-keygen ed25519"
	on_pool ssh-keygen -q -t rsa -b 2048 -N '' -C test -f rsa || fail "ssh-keygen rsa"
	ssh-keygen -y -P secret -f ed | diff - <(cut -d' ' -f1,2,3 ed.pub) || fail "another public key"
	echo message >message
	on_pool ssh-keygen -q -Y sign -P '' -f rsa -n test message || fail "cannot sign"
	echo "somebody $(cat rsa.pub)" >allowed
	ssh-keygen -q -Y verify -f allowed -I somebody -n test -s message.sig <message || fail "the signature is wrong"
	same_work <<'SCRIPT'
	ssh-keygen -l -f ../rsa.pub
	ssh-keygen -y -P secret -f ../ed
SCRIPT
	witnessed ssh-keygen
}

case_packages() {
	need dpkg-query apt-cache
	same_work <<'SCRIPT'
	set -eu
	dpkg-query -W | md5sum
	dpkg-query -S "$(dpkg-query -L bash | grep -m 1 '/bin/bash$')"    # /bin or /usr/bin
	apt-cache --generate -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= pkgnames 2>/dev/null | sort | md5sum
SCRIPT
	# its cache is made anew in its heap: one on the disk, where there is one, would only be mapped. With the lists of one
	# release it has 4 MiB; without, less than 1
	witnessed dpkg-query apt-cache:2
}

case_running() {
	need perl
	local pid
	preload exec perl -e '$| = 1; $x{$_} = "x" x 100 for 1 .. 200000; print "READY\n"; sleep 60;' >ready &
	pid=$!
	trap 'end_process $pid KILL' EXIT
	wait_for grep -q READY ready || fail "no READY"
	heap_on_pool $pid 20000
	! grep -q '\[heap\]' /proc/$pid/maps || fail "there is a [heap]"
}

run_case "bash: subshells, pipes, jobs, a coprocess" case_bash
run_case "sort --parallel of a big file" case_sort
run_case "awk, sed, grep, join, find, xargs" case_text_tools
run_case "gcc compiles and links, also with -flto" case_gcc
run_case "g++ compiles templates" case_gxx
run_case "make -j2 builds a library and a program" case_make
run_case "git commits, packs, merges, clones" case_git
run_case "python3: dicts, threads, subprocess, multiprocessing, forkpty" case_python
run_case "perl: hashes, fork, pipes" case_perl
run_case "java compiles, runs with threads" case_java
run_case "node with worker threads" case_node
run_case "rustc compiles, the program runs with threads" case_rust
run_case "tar, gzip, xz -T2, zstd -T2" case_compressors
run_case "sqlite3 creates, indexes, queries" case_sqlite3
run_case "ed and vim edit" case_editors
run_case "tcl" case_tcl
run_case "gdb traces a program" case_gdb
run_case "openssl makes keys, signs, encrypts" case_openssl
run_case "ssh-keygen makes keys, signs" case_ssh_keygen
run_case "dpkg-query and apt-cache" case_packages
run_case "a running program's maps show its heap on the pool" case_running
end_suite
