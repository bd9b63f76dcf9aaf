/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * The contract between overlayfs.bpf.c and src/receivers/overlayfs/receiver.ts: what user space sets before
 * loading, and what it finds in the mapped memory afterwards. A test compares both sides through BTF.
 */
#ifndef FLOATIE_OVERLAYFS_H
#define FLOATIE_OVERLAYFS_H

/* Bucket bounds the kernel can hold: the union of the bounds of all views. */
#define MAX_BOUNDS 512

/* Of the record of a thread that has used overlayfs; the kernel adds about 260 bytes. */
#define MAX_THREAD_BYTES 256

/* Slot 0 takes every cgroup that found no free slot. */
#define OVERFLOW_SLOT 0

enum op {
	OP_READ,
	OP_WRITE,
	OP_COUNT,
};

/*
 * One block of cells per slot × shard, each cell a __u64. A block holds one group per op:
 * the fixed cells below, then bound_count + 1 buckets, the last one for all that is above the last bound.
 */
enum cell {
	CELL_SUM_NS,
	CELL_ERRORS,
	CELL_ZEROS,
	CELL_ASYNC, /* submitted only: what it returned says nothing of when it was done */
	CELL_BUCKETS,
};

/* Read-only in the kernel, written before loading. */
struct overlayfs_config {
	__u64 pid_ns_inum;           /* 0: every PID namespace */
	__u64 cgroup_id;             /* count only this cgroup and those below it; 0: every cgroup */
	__u64 only_tgid;             /* count only this process; 0: every process */
	__u64 only_tgid_dev;         /* the PID namespace that its number is from, as stat says: device */
	__u64 only_tgid_ino;         /* and inode */
	__u64 bounds_ns[MAX_BOUNDS]; /* ascending, inclusive upper bounds */
	__u32 bound_count;
	__u32 shard_mask;  /* shards - 1, shards being a power of two */
	__u32 group_cells; /* CELL_BUCKETS + bound_count + 1 */
	__u32 block_cells; /* OP_COUNT × group_cells, rounded up to a cache line */
	__u32 max_threads; /* with task storage: how many threads may have a record at a time */
	__u8 cgroup_v1;    /* key by the v1 memory hierarchy instead of v2 */
	__u8 task_storage; /* starts in task storage (5.11), else in a hash */
	__u8 typed_loads;  /* bpf_rdonly_cast is there (6.2): plain loads instead of probe reads */
};

/* A cgroup's place in the cells. cgroup_id 0: free, or not announced yet. */
struct slot {
	__u64 cgroup_id;
	__u64 born_ns; /* CLOCK_MONOTONIC */
};

enum miss {
	MISS_STORAGE,     /* no memory for a start */
	MISS_STARTS_FULL, /* no more threads may have a record */
	MISS_STALE,       /* a start whose exit was never seen */
	MISS_NO_START,    /* an exit whose entry was never seen */
	MISS_CLOCK,       /* an exit before its entry */
	MISS_COUNT,
};

struct overlayfs_counters {
	__u64 slots_taken;    /* written by the kernel */
	__u64 slots_given;    /* written by user space: what it pushed to free_slots */
	__u64 threads;        /* written by the kernel: threads that have a record, with task storage */
	__u64 threads_unseen; /* written by user space: ends of threads that the program for them missed */
	__u64 misses[MISS_COUNT];
};

#endif
