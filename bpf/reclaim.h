/* SPDX-License-Identifier: GPL-3.0-only */
/* The contract between reclaim.bpf.c and src/receivers/reclaim. A test compares both sides through BTF. */
#ifndef FLOATIE_RECLAIM_H
#define FLOATIE_RECLAIM_H

/* Read-only in the kernel, written before loading. */
struct reclaim_config {
	__u64 pid_ns_inum; /* 0: every PID namespace */
	__u64 cgroup_id;   /* count only this cgroup and those below it; 0: every cgroup */
	__u8 cgroup_v1;    /* key by the v1 memory hierarchy instead of v2 */
};

struct reclaim_counters {
	__u64 no_start; /* ends of which no begin is known */
};

/* The counters of a cgroup; its buckets follow. */
enum reclaim_cell {
	CELL_SUM_NS,
	CELL_BUCKETS,
};

#endif
