# selection.bash -- which cases of the large suites are run in a guest; sourced by what starts one.

# not every mode: a case takes half a minute here
FORKS='^(VMMALLOC_FORK=auto: (children|a child|all|fork)|VMMALLOC_FORK=2: (a child|fork)|the parent|a child|a parent)'
# not the options, which are the same everywhere, and pinned pages, which guest/daemon.bash has for DAX
DAEMON='^(hand-out|reclaim|kill -9|stop|two daemons|files|a directory|reload|prune|hostile: (t|an))'
# not those forks that copy, for which the devices are too small
GROWTH='^(blocks of|zeros|VMMALLOC_RELEASE=1|parents and children grow, VMMALLOC_FORK=(auto|1)|threads grow while the process forks, VMMALLOC_FORK=auto)'
TIERS='^(fill|large:65536|ratio:1:3|arenas|forks|each tier|large:4K|a tmpfs)'
# where a child's heap is a copy in any case, and takes pages of 2 MiB
GROWTH_HUGE='^(blocks of|zeros|VMMALLOC_RELEASE=1|parents and children grow, VMMALLOC_FORK=(auto|2))'
TIERS_HUGE='^(fill|large:65536|arenas|forks, VMMALLOC_FORK=2|each tier|large:4K)'
