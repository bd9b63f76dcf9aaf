/* SPDX-License-Identifier: GPL-3.0-only */
/* Operations on overlayfs by its own functions. */
#ifndef FLOATIE_OVERLAYFS_FUNCTIONS_H
#define FLOATIE_OVERLAYFS_FUNCTIONS_H

/* In place of what is kept: the call that does not wait. */
#define UNCOUNTED (-1)

/* Operations on inodes get the mount's mapping of ids before their other arguments. */
static __always_inline bool has_mappings(void)
{
	return bpf_core_field_exists(((struct vfsmount___since_5_12 *)0)->mnt_userns) ||
	       bpf_core_field_exists(((struct vfsmount___since_6_2 *)0)->mnt_idmap);
}

/* The one of the first two arguments that tells the filesystem. */
static __always_inline void *argument_at(enum place place, __u64 first, __u64 second)
{
	/* Else clang would choose between two addresses in the context, which the verifier refuses. */
	barrier_var(first);
	barrier_var(second);
	return (void *)(place == SECOND || (place == MAPPED && has_mappings()) ? second : first);
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

/*
 * What a start keeps to name a slow operation. second is the argument behind an inode. The kind is added, since the
 * verifier takes no other operators with pointers.
 */
static __always_inline __u64 kept_super(enum op op, const void *argument, __u64 second)
{
	return 0;
}

static __always_inline __u64 kept_inode(enum op op, const void *argument, __u64 second)
{
	return op == OP_OPEN ? second : second + KEPT_ENTRY;
}

static __always_inline __u64 kept_file(enum op op, const void *argument, __u64 second)
{
	return (__u64)argument;
}

static __always_inline __u64 kept_dentry(enum op op, const void *argument, __u64 second)
{
	return (__u64)argument + KEPT_DENTRY;
}

static __always_inline __u64 kept_path(enum op op, const void *argument, __u64 second)
{
	return (__u64)argument + KEPT_PATH;
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
	enter(current_task(), op, (__u64)id, pos, BPF_CORE_READ(super, s_stack_depth) > 1);
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
		if (is_chosen(current_task()))
			count_miss(MISS_NO_START);
		return;
	}
	start = start_at(thread, place);
	free_place(thread, place);
	ret = result_of(op, ret);
	if (!is_transfer(op)) {
		if (start->pos == UNCOUNTED)
			forget_thread(thread);
		else
			finish_function(op, thread, start, place, without_other_end(op, ret));
	} else if (ends(start, ret)) {
		finish_function(op, thread, start, place, submitted_if_would_wait(ret));
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
static __noinline void begin(enum op op, const void *id, struct super_block *super, __s64 pos)
{
	enter_function(op, id, super, pos);
}

static __noinline void end_this(enum op op, const void *id, __s64 ret)
{
	leave_this(op, id, ret);
}

static __noinline void end_latest(enum op op, __s64 ret)
{
	leave_latest(op, ret);
}

#define BEGIN(op, type, place, first, second, third)                                                                   \
	do {                                                                                                           \
		const void *argument = argument_at(place, first, second);                                              \
		__s64 kept = kept_##type(op, argument, (__u64)argument_at(place, second, third));                      \
                                                                                                                       \
		begin(op, argument, super_of_##type(argument), place == WAITING && !(int)(second) ? UNCOUNTED : kept); \
	} while (0)

/*
 * Before 5.17 no helper gives the return value, which is behind the arguments. In assembler, since clang would choose
 * between two addresses in the context, which the verifier refuses.
 */
#define LOAD_RETURN(ret, arguments, index) \
	asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(ret) : "r"(arguments), "i"((index)*8))

#define PROGRAMS(function, op, type, place, count)                                                         \
	SEC("?fentry/" #function)                                                                          \
	int fentry_##function(__u64 *arguments)                                                            \
	{                                                                                                  \
		BEGIN(op, type, place, arguments[0], arguments[1], place == MAPPED ? arguments[2] : 0);    \
		return 0;                                                                                  \
	}                                                                                                  \
                                                                                                           \
	SEC("?fexit/" #function)                                                                           \
	int fexit_##function(__u64 *arguments)                                                             \
	{                                                                                                  \
		const void *argument = argument_at(place, arguments[0], arguments[1]);                     \
		__u64 ret = 0;                                                                             \
                                                                                                           \
		if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_ret))                   \
			bpf_get_func_ret(arguments, &ret);                                                 \
		else if (place == MAPPED && has_mappings())                                                \
			LOAD_RETURN(ret, arguments, count + 1);                                            \
		else                                                                                       \
			LOAD_RETURN(ret, arguments, count);                                                \
		end_this(op, argument, ret);                                                               \
		return 0;                                                                                  \
	}                                                                                                  \
                                                                                                           \
	SEC("?kprobe")                                                                                     \
	int kprobe_##function(struct pt_regs *regs)                                                        \
	{                                                                                                  \
		BEGIN(op, type, place, first_argument(regs), second_argument(regs), third_argument(regs)); \
		return 0;                                                                                  \
	}                                                                                                  \
                                                                                                           \
	SEC("?kretprobe")                                                                                  \
	int kretprobe_##function(struct pt_regs *regs)                                                     \
	{                                                                                                  \
		end_latest(op, returned(regs));                                                            \
		return 0;                                                                                  \
	}

FUNCTIONS(PROGRAMS)

#endif
