/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * The contract between overlayfs.bpf.c and src/receivers/overlayfs: the operations, the configuration before loading,
 * and the layout of the mapped memory. A test compares both sides through BTF.
 */
#ifndef FLOATIE_OVERLAYFS_H
#define FLOATIE_OVERLAYFS_H

/* The limit of a thread's record: with what the kernel adds, it takes 512 bytes, and about 200 of the task's own. */
#define MAX_THREAD_BYTES 440

/*
 * What an operation returns when it succeeds: the number of bytes that it moved, 0, or a pointer that may be NULL. A
 * copy has a number of bytes, too, and 0 is a success.
 */
#define BYTES   0
#define NOTHING 1
#define POINTER 2
#define COPIED  3

/* Whether ENOENT, EEXIST and ENOTDIR answer the caller's question. */
#define ASKS 1
#define DOES 0

/* The operations, in the order of their cells: src/receivers/overlayfs/operations.ts has the same rows. */
#define OPERATIONS(ROW)                                                      \
	ROW(OP_READ, BYTES, DOES)                                            \
	ROW(OP_WRITE, BYTES, DOES)                                           \
	ROW(OP_SPLICE, BYTES, DOES)                                          \
	ROW(OP_COPY_RANGE, BYTES, DOES)                                      \
	ROW(OP_SYNC, NOTHING, DOES)                                          \
	ROW(OP_OPEN, NOTHING, ASKS)                                          \
	ROW(OP_STAT, NOTHING, ASKS)                                          \
	ROW(OP_LOOKUP, POINTER, ASKS)                                        \
	ROW(OP_READDIR, NOTHING, ASKS)                                       \
	ROW(OP_CREATE, NOTHING, ASKS)                                        \
	ROW(OP_REMOVE, NOTHING, ASKS)                                        \
	ROW(OP_RENAME, NOTHING, ASKS)                                        \
	ROW(OP_SETATTR, NOTHING, ASKS)                                       \
	ROW(OP_ALLOCATE, NOTHING, ASKS)                                      \
	ROW(OP_FLUSH, NOTHING, ASKS)                                         \
	/* Part of the operation that causes it, never to be added to it. */ \
	ROW(OP_COPY_UP_OPEN, COPIED, DOES)                                   \
	ROW(OP_COPY_UP_SETATTR, COPIED, DOES)                                \
	ROW(OP_COPY_UP_RENAME, COPIED, DOES)                                 \
	ROW(OP_COPY_UP_LINK, COPIED, DOES)                                   \
	ROW(OP_COPY_UP_XATTR, COPIED, DOES)                                  \
	ROW(OP_COPY_UP_OTHER, COPIED, DOES)                                  \
	ROW(OP_COPY_UP_INFERRED, COPIED, DOES)

#define ENUMERATOR(op, returns, asks) op,
#define RETURNS(op, returns, asks)    | (__u64)(returns) << 2 * (op)
#define ASKS_BIT(op, returns, asks)   | (__u64)(asks) << (op)

enum op { OPERATIONS(ENUMERATOR) OP_COUNT };

/* BYTES, NOTHING, POINTER or COPIED. */
static __always_inline __u32 returned_by(enum op op)
{
	return (0 OPERATIONS(RETURNS)) >> 2 * op & 3;
}

static __always_inline bool asks(enum op op)
{
	return (0 OPERATIONS(ASKS_BIT)) >> op & 1;
}

/*
 * Each function, its operation, the argument that tells the filesystem by its type and place, and the number of
 * arguments without a mapping of ids. The place is FIRST, SECOND, or MAPPED: the second since 5.12, where a mapping of
 * ids stands before it, else the first. WAITING is the first of a function that the kernel calls twice; the second
 * argument is 0 in the call that does not wait. A function that a kernel does not have is left out there.
 * src/receivers/overlayfs/operations.ts has the same functions. Reads and writes are in overlayfs_functions.h, copy-up
 * in copy_up.h.
 */
/* clang-format off */
#define FUNCTIONS(ROW) \
	ROW(ovl_splice_read,      OP_SPLICE,     file,   FIRST,   5) \
	ROW(ovl_splice_write,     OP_SPLICE,     file,   SECOND,  5) \
	ROW(ovl_copy_file_range,  OP_COPY_RANGE, file,   FIRST,   6) \
	ROW(ovl_remap_file_range, OP_COPY_RANGE, file,   FIRST,   6) \
	ROW(ovl_fsync,            OP_SYNC,       file,   FIRST,   4) \
	ROW(ovl_dir_fsync,        OP_SYNC,       file,   FIRST,   4) \
	ROW(ovl_sync_fs,          OP_SYNC,       super,  WAITING, 2) \
	ROW(ovl_open,             OP_OPEN,       inode,  FIRST,   2) \
	ROW(ovl_dir_open,         OP_OPEN,       inode,  FIRST,   2) \
	ROW(ovl_getattr,          OP_STAT,       path,   MAPPED,  4) \
	ROW(ovl_lookup,           OP_LOOKUP,     inode,  FIRST,   3) \
	ROW(ovl_iterate,          OP_READDIR,    file,   FIRST,   2) \
	ROW(ovl_create,           OP_CREATE,     inode,  MAPPED,  4) \
	ROW(ovl_mkdir,            OP_CREATE,     inode,  MAPPED,  3) \
	ROW(ovl_mknod,            OP_CREATE,     inode,  MAPPED,  4) \
	ROW(ovl_symlink,          OP_CREATE,     inode,  MAPPED,  3) \
	ROW(ovl_link,             OP_CREATE,     dentry, FIRST,   3) \
	ROW(ovl_tmpfile,          OP_CREATE,     inode,  MAPPED,  3) \
	ROW(ovl_unlink,           OP_REMOVE,     inode,  FIRST,   2) \
	ROW(ovl_rmdir,            OP_REMOVE,     inode,  FIRST,   2) \
	ROW(ovl_rename,           OP_RENAME,     inode,  MAPPED,  5) \
	ROW(ovl_setattr,          OP_SETATTR,    dentry, MAPPED,  2) \
	ROW(ovl_fallocate,        OP_ALLOCATE,   file,   FIRST,   4) \
	ROW(ovl_flush,            OP_FLUSH,      file,   FIRST,   2)
/* clang-format on */

enum place { FIRST, SECOND, MAPPED, WAITING };

/* The errors that are counted by type. */
#define ERRORS(ROW) \
	ROW(ENOSPC) \
	ROW(EDQUOT) \
	ROW(EIO)    \
	ROW(EROFS)  \
	ROW(EACCES) \
	ROW(EPERM)  \
	ROW(EAGAIN) \
	ROW(EINTR)  \
	ROW(ESTALE)

#define ERROR_CELL(error) CELL_##error,

/* Where the time of an operation went: src/receivers/overlayfs/causes.ts has the same. */
enum cause {
	CAUSE_CPU,            /* it ran */
	CAUSE_RUNQUEUE,       /* it was ready to run */
	CAUSE_DEVICE,         /* it slept for a device */
	CAUSE_COMMIT,         /* for the journal of a filesystem */
	CAUSE_REMOTE,         /* for the answer of a server: FUSE, NFS */
	CAUSE_DIRTY_THROTTLE, /* since too many pages were dirty */
	CAUSE_MEMORY,         /* it reclaimed memory, or slept for memory */
	CAUSE_LOCK,           /* it slept for a lock */
	CAUSE_OTHER,          /* it slept for something else, or it is not known */
	CAUSE_COUNT,
};

/* The counters of an operation; its buckets hold the successes. What every read changes is first. */
enum cell {
	CELL_SUM_NS,
	CELL_BYTES,                                 /* moved by the successes */
	CELL_CACHE,                                 /* successes that fetched nothing and did not sleep */
	CELL_CAUSES,                                /* ns of the successes by cause, which add up to their sum */
	CELL_READAHEAD = CELL_CAUSES + CAUSE_COUNT, /* successes that fetched bytes and did not wait for them */
	CELL_DEVICE,                                /* successes that waited for a device */
	CELL_FETCHED,                               /* bytes that the successes fetched from a device */
	CELL_ZEROS,                                 /* moved no byte, or were answered by ENOENT, EEXIST or ENOTDIR */
	CELL_ASYNC, /* submitted only: what it returned says nothing of when it was done */
	ERRORS(ERROR_CELL) CELL_OTHER_ERROR,
	CELL_BUCKETS,
};

/* Read-only in the kernel, written before loading. */
struct overlayfs_config {
	__u64 pid_ns_inum;   /* 0: every PID namespace */
	__u64 cgroup_id;     /* count only this cgroup and those below it; 0: every cgroup */
	__u64 only_tgid;     /* count only this process; 0: every process */
	__u64 only_tgid_dev; /* the PID namespace that its number is from, as stat says: device */
	__u64 only_tgid_ino; /* and inode */
	__u64 operations;    /* of system calls, only those with their bit */
	__u32 max_threads;   /* with task storage: how many threads may have a record at a time */
	__u8 cgroup_v1;      /* key by the v1 memory hierarchy instead of v2 */
	__u8 task_storage;   /* starts in task storage (5.11), else in a hash */
	__u8 untyped_loads;  /* helpers may read the kernel's memory: not where it is locked down */
	__u8 sleeps;         /* with task storage: tell apart what operations sleep for */
};

enum miss {
	MISS_STORAGE,     /* no memory for a start */
	MISS_STARTS_FULL, /* no more threads may have a record */
	MISS_STALE,       /* a start whose exit was never seen */
	MISS_NO_START,    /* an exit whose entry was never seen */
	MISS_CLOCK,       /* an exit before its entry */
	MISS_NAME,        /* an operation by a name that is not in memory now */
	MISS_COUNT,
};

struct overlayfs_counters {
	__u64 threads;        /* written by the kernel: threads that have a record, with task storage */
	__u64 threads_unseen; /* written by user space: ends of threads that the program for them missed */
	__u64 misses[MISS_COUNT];
};

#endif
