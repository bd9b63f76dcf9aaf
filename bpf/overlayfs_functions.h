/* SPDX-License-Identifier: GPL-3.0-only */
/* Operations on overlayfs by its own functions. */
#ifndef FLOATIE_OVERLAYFS_FUNCTIONS_H
#define FLOATIE_OVERLAYFS_FUNCTIONS_H

/*
 * Each function, its operation, and the argument that tells the filesystem: its type, and whether it is the FIRST, the
 * SECOND, or MAPPED, which is the second where a mapping of ids stands before it, and the first before 5.12. A function
 * that a kernel does not have is left out there. src/receivers/overlayfs/operations.ts has the same functions.
 */
/* clang-format off */
#define FUNCTIONS(ROW) \
	ROW(ovl_splice_read,      OP_SPLICE,     file,   FIRST)  \
	ROW(ovl_splice_write,     OP_SPLICE,     file,   SECOND) \
	ROW(ovl_copy_file_range,  OP_COPY_RANGE, file,   FIRST)  \
	ROW(ovl_remap_file_range, OP_COPY_RANGE, file,   FIRST)  \
	ROW(ovl_fsync,            OP_SYNC,       file,   FIRST)  \
	ROW(ovl_dir_fsync,        OP_SYNC,       file,   FIRST)  \
	ROW(ovl_sync_fs,          OP_SYNC,       super,  FIRST)  \
	ROW(ovl_open,             OP_OPEN,       inode,  FIRST)  \
	ROW(ovl_dir_open,         OP_OPEN,       inode,  FIRST)  \
	ROW(ovl_getattr,          OP_STAT,       path,   MAPPED) \
	ROW(ovl_lookup,           OP_LOOKUP,     inode,  FIRST)  \
	ROW(ovl_iterate,          OP_READDIR,    file,   FIRST)  \
	ROW(ovl_create,           OP_CREATE,     inode,  MAPPED) \
	ROW(ovl_mkdir,            OP_CREATE,     inode,  MAPPED) \
	ROW(ovl_mknod,            OP_CREATE,     inode,  MAPPED) \
	ROW(ovl_symlink,          OP_CREATE,     inode,  MAPPED) \
	ROW(ovl_link,             OP_CREATE,     dentry, FIRST)  \
	ROW(ovl_tmpfile,          OP_CREATE,     inode,  MAPPED) \
	ROW(ovl_unlink,           OP_REMOVE,     inode,  FIRST)  \
	ROW(ovl_rmdir,            OP_REMOVE,     inode,  FIRST)  \
	ROW(ovl_rename,           OP_RENAME,     inode,  MAPPED) \
	ROW(ovl_setattr,          OP_SETATTR,    dentry, MAPPED) \
	ROW(ovl_fallocate,        OP_ALLOCATE,   file,   FIRST)  \
	ROW(ovl_flush,            OP_FLUSH,      file,   FIRST)
/* clang-format on */

enum place { FIRST, SECOND, MAPPED };

/* The one of the first two arguments that tells the filesystem. */
static __always_inline void *argument_at(enum place place, __u64 first, __u64 second)
{
	bool is_second = place == SECOND;

	if (place == MAPPED)
		is_second = bpf_core_field_exists(((struct vfsmount___since_5_12 *)0)->mnt_userns) ||
		            bpf_core_field_exists(((struct vfsmount___since_6_2 *)0)->mnt_idmap);
	/* Else clang would choose between two addresses in the context, which the verifier refuses. */
	barrier_var(first);
	barrier_var(second);
	return (void *)(is_second ? second : first);
}

static __always_inline struct super_block *super_of_super(const struct super_block *super)
{
	return (struct super_block *)super;
}

static __always_inline struct super_block *super_of_inode(const struct inode *inode)
{
	return BPF_CORE_READ(inode, i_sb);
}

static __always_inline struct super_block *super_of_file(const struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_sb);
}

static __always_inline struct super_block *super_of_dentry(const struct dentry *dentry)
{
	return BPF_CORE_READ(dentry, d_sb);
}

static __always_inline struct super_block *super_of_path(const struct path *path)
{
	return BPF_CORE_READ(path, dentry, d_sb);
}

/* Whether an operation has a kiocb. */
static __always_inline bool is_transfer(enum op op)
{
	return op == OP_READ || op == OP_WRITE;
}

/* A function begins, on an inode of this filesystem. */
static __always_inline void enter_function(enum op op, const void *id, struct super_block *super, __s64 pos)
{
	/* An overlay on another one calls the lower one by a nested operation. */
	enter(op, (__u64)id, pos, BPF_CORE_READ(super, s_stack_depth) > 1);
}

static __always_inline void enter_transfer(enum op op, struct kiocb *iocb)
{
	enter_function(op, iocb, BPF_CORE_READ(iocb, ki_filp, f_inode, i_sb), BPF_CORE_READ(iocb, ki_pos));
}

/*
 * Whether the ending call is the one that began with this start. Most calls have their kiocb at the same stack address,
 * so after a missed exit and a missed entry a later call could be taken for the earlier one. A successful call must
 * have moved the position by ret bytes. Failed calls are not checked: a write whose sync failed has moved the position
 * as well, and after a submission the kiocb belongs to another owner.
 */
static __always_inline bool ends(const struct start *start, __s64 ret)
{
	struct kiocb *iocb = (void *)start->id;

	if (ret <= 0 || BPF_CORE_READ(iocb, ki_pos) - ret == start->pos)
		return true;
	/* Appending writes move to the file's end first. */
	return BPF_CORE_READ(iocb, ki_flags) & IOCB_APPEND || BPF_CORE_READ(iocb, ki_filp, f_flags) & O_APPEND;
}

/*
 * io_uring first tries with NOWAIT, and repeats an operation that would wait in a worker: the EAGAIN of the first try
 * is a submission, not an error. Files on overlayfs return EAGAIN in no other case.
 */
static __always_inline __s64 submitted_if_would_wait(__s64 ret)
{
	return ret == -EAGAIN ? -EIOCBQUEUED : ret;
}

/* The number of bytes, 0 or a negative errno. */
static __always_inline __s64 result_of(enum op op, __s64 ret)
{
	switch (returned_by(op)) {
	case BYTES:
		return ret;
	case POINTER:
		return (__u64)ret >= (__u64)-MAX_ERRNO ? ret : 0;
	default:
		/*
		 * An int leaves the upper half of the register undefined. Since 6.16 ovl_mkdir() gives a pointer, which
		 * is NULL or such an error, too.
		 */
		return (int)ret < 0 ? (int)ret : 0;
	}
}

/* A function ends. An exit without a start is a miss, if the configuration selects this thread. */
static __always_inline void leave_function(enum op op, struct thread *thread, __u64 place, __s64 ret)
{
	struct start *start;

	if (!thread || place >= PLACES) {
		if (is_chosen())
			count_miss(MISS_NO_START);
		return;
	}
	start = start_at(thread, place);
	free_place(thread, place);
	ret = result_of(op, ret);
	if (!is_transfer(op)) {
		finish(op, thread, start, ret);
	} else if (ends(start, ret)) {
		finish(op, thread, start, submitted_if_would_wait(ret));
	} else {
		count_miss(MISS_STALE);
		count_miss(MISS_NO_START);
		forget_thread(thread);
	}
}

static __always_inline void leave_this(enum op op, const void *id, __s64 ret)
{
	struct thread *thread = thread_record(false);
	__u64 place = PLACES;

	if (thread) {
		place = place_of(thread->kinds, kind_of(op, false));
		if (place >= PLACES || start_at(thread, place)->id != (__u64)id)
			place = place_of(thread->kinds, kind_of(op, true));
		if (place < PLACES && start_at(thread, place)->id != (__u64)id)
			place = PLACES;
	}
	leave_function(op, thread, place, ret);
}

/* A return probe has no arguments: the operation that began last ends first. */
static __always_inline void leave_latest(enum op op, __s64 ret)
{
	struct thread *thread = thread_record(false);
	__u64 place = PLACES;

	if (thread) {
		__u64 outer = place_of(thread->kinds, kind_of(op, true));

		place = place_of(thread->kinds, kind_of(op, false));
		if (place >= PLACES || (outer < PLACES && start_at(thread, outer)->ns > start_at(thread, place)->ns))
			place = outer;
	}
	leave_function(op, thread, place, ret);
}

SEC("?fentry/ovl_read_iter")
int BPF_PROG(fentry_ovl_read_iter, struct kiocb *iocb)
{
	enter_transfer(OP_READ, iocb);
	return 0;
}

SEC("?fexit/ovl_read_iter")
int BPF_PROG(fexit_ovl_read_iter, struct kiocb *iocb, struct iov_iter *iter, long ret)
{
	leave_this(OP_READ, iocb, ret);
	return 0;
}

SEC("?fentry/ovl_write_iter")
int BPF_PROG(fentry_ovl_write_iter, struct kiocb *iocb)
{
	enter_transfer(OP_WRITE, iocb);
	return 0;
}

SEC("?fexit/ovl_write_iter")
int BPF_PROG(fexit_ovl_write_iter, struct kiocb *iocb, struct iov_iter *iter, long ret)
{
	leave_this(OP_WRITE, iocb, ret);
	return 0;
}

/* No function in the section name: attached to events of tracefs, which set maxactive. */
SEC("?kprobe")
int kprobe_ovl_read_iter(struct pt_regs *regs)
{
	enter_transfer(OP_READ, (void *)first_argument(regs));
	return 0;
}

SEC("?kretprobe")
int kretprobe_ovl_read_iter(struct pt_regs *regs)
{
	leave_latest(OP_READ, returned(regs));
	return 0;
}

SEC("?kprobe")
int kprobe_ovl_write_iter(struct pt_regs *regs)
{
	enter_transfer(OP_WRITE, (void *)first_argument(regs));
	return 0;
}

SEC("?kretprobe")
int kretprobe_ovl_write_iter(struct pt_regs *regs)
{
	leave_latest(OP_WRITE, returned(regs));
	return 0;
}

/* The programs of all other functions share these, which keeps the object small. */
static __noinline void begin(enum op op, const void *id, struct super_block *super)
{
	enter_function(op, id, super, 0);
}

static __noinline void end_this(enum op op, const void *id, __s64 ret)
{
	leave_this(op, id, ret);
}

static __noinline void end_latest(enum op op, __s64 ret)
{
	leave_latest(op, ret);
}

/* Where the return value is depends on the number of arguments, which differs between kernels. */
#define PROGRAMS(function, op, type, place)                                                             \
	SEC("?fentry/" #function)                                                                       \
	int fentry_##function(__u64 *arguments)                                                         \
	{                                                                                               \
		const void *argument = argument_at(place, arguments[0], arguments[1]);                  \
                                                                                                        \
		begin(op, argument, super_of_##type(argument));                                         \
		return 0;                                                                               \
	}                                                                                               \
                                                                                                        \
	SEC("?fexit/" #function)                                                                        \
	int fexit_##function(__u64 *arguments)                                                          \
	{                                                                                               \
		const void *argument = argument_at(place, arguments[0], arguments[1]);                  \
		__u64 ret = 0;                                                                          \
                                                                                                        \
		bpf_get_func_ret(arguments, &ret);                                                      \
		end_this(op, argument, ret);                                                            \
		return 0;                                                                               \
	}                                                                                               \
                                                                                                        \
	SEC("?kprobe")                                                                                  \
	int kprobe_##function(struct pt_regs *regs)                                                     \
	{                                                                                               \
		const void *argument = argument_at(place, first_argument(regs), second_argument(regs)); \
                                                                                                        \
		begin(op, argument, super_of_##type(argument));                                         \
		return 0;                                                                               \
	}                                                                                               \
                                                                                                        \
	SEC("?kretprobe")                                                                               \
	int kretprobe_##function(struct pt_regs *regs)                                                  \
	{                                                                                               \
		end_latest(op, returned(regs));                                                         \
		return 0;                                                                               \
	}

FUNCTIONS(PROGRAMS)

#endif
