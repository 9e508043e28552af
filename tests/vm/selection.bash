# selection.bash -- which cases of the large suites are run in a guest; sourced by what starts one.

# not every mode: a case takes half a minute here
FORKS='^(VMMALLOC_FORK=auto: (children|a child|all|fork)|VMMALLOC_FORK=2: (a child|fork)|the parent|a child|a parent)'
# not the options, which are the same everywhere, and pinned pages, which guest/daemon.bash has for DAX
DAEMON='^(hand-out|reclaim|kill -9|stop|two daemons|files|a directory|reload|prune|hostile: (t|an))'
