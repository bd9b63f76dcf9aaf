/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * The contract between overlayfs.bpf.c and src/receivers/overlayfs: the operations, the configuration before loading,
 * and the layout of the mapped memory. A test compares both sides through BTF.
 */
#ifndef FLOATIE_OVERLAYFS_H
#define FLOATIE_OVERLAYFS_H

/* The limit of a thread's record; the kernel adds about 260 bytes. */
#define MAX_THREAD_BYTES 256

/* The return value of a successful operation: the number of bytes moved through a kiocb, or 0. */
#define BYTES   1
#define NOTHING 0

/* The operations, in the order of their cells: src/receivers/overlayfs/operations.ts has the same rows. */
#define OPERATIONS(ROW)     \
	ROW(OP_READ, BYTES) \
	ROW(OP_WRITE, BYTES)

#define ENUMERATOR(op, returns) op,
#define RETURN_BIT(op, returns) | (returns) << (op)

enum op { OPERATIONS(ENUMERATOR) OP_COUNT };

/* Whether the operation returns the number of moved bytes; 0 is then no success. */
static __always_inline bool moves_bytes(enum op op)
{
	return (0 OPERATIONS(RETURN_BIT)) >> op & 1;
}

/* The counters of an operation; its buckets hold the successes. */
enum cell {
	CELL_SUM_NS,
	CELL_ERRORS,
	CELL_ZEROS,
	CELL_ASYNC, /* submitted only: what it returned says nothing of when it was done */
	CELL_BUCKETS,
};

/* Read-only in the kernel, written before loading. */
struct overlayfs_config {
	__u64 pid_ns_inum;   /* 0: every PID namespace */
	__u64 cgroup_id;     /* count only this cgroup and those below it; 0: every cgroup */
	__u64 only_tgid;     /* count only this process; 0: every process */
	__u64 only_tgid_dev; /* the PID namespace that its number is from, as stat says: device */
	__u64 only_tgid_ino; /* and inode */
	__u32 max_threads;   /* with task storage: how many threads may have a record at a time */
	__u8 cgroup_v1;      /* key by the v1 memory hierarchy instead of v2 */
	__u8 task_storage;   /* starts in task storage (5.11), else in a hash */
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
	__u64 threads;        /* written by the kernel: threads that have a record, with task storage */
	__u64 threads_unseen; /* written by user space: ends of threads that the program for them missed */
	__u64 misses[MISS_COUNT];
};

#endif
