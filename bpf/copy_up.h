/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * Copy-up on overlayfs: a file or directory is copied from a lower layer to the upper one before it is changed. It is a
 * part of the operation that causes it.
 */
#ifndef FLOATIE_COPY_UP_H
#define FLOATIE_COPY_UP_H

/* Copy-ups of a thread do not nest, so the kind of a pending one need not tell its cause, which its id has. */
#define COPYING kind_of(OP_COPY_UP_OTHER, false)

/* An extended attribute or ACL is being changed. */
#define CHANGING_XATTR kind_of(OP_COPY_UP_XATTR, true)

/* In place of the number of bytes: another thread was faster, or a hard link was made to what was copied before. */
#define NOTHING_MADE (-1)

/* The lowest bits of a dentry's address, which are 0. */
#define CAUSE_BITS 7

_Static_assert(OP_COPY_UP_OTHER - OP_COPY_UP_OPEN <= CAUSE_BITS, "a cause fits into the id");

static __always_inline bool is_pending(struct thread *thread, enum op op)
{
	return place_of(thread->kinds, kind_of(op, false)) < PLACES ||
	       place_of(thread->kinds, kind_of(op, true)) < PLACES;
}

/* Of what creates names only link begins with a dentry; all others begin with the inode of a directory. */
static __always_inline bool is_linking(struct thread *thread, struct super_block *super)
{
	__u64 place = place_of(thread->kinds, kind_of(OP_CREATE, false));
	struct inode *inode;

	if (place >= PLACES)
		place = place_of(thread->kinds, kind_of(OP_CREATE, true));
	if (place >= PLACES)
		return false;
	inode = (void *)start_at(thread, place)->id;
	return BPF_CORE_READ(inode, i_sb) != super;
}

/* What the thread does. Other operations pass O_WRONLY alone or nothing; opens always pass more on 64-bit kernels. */
static __always_inline enum op cause_of(struct thread *thread, struct dentry *dentry, int flags)
{
	if (is_pending(thread, OP_SETATTR))
		return OP_COPY_UP_SETATTR;
	if (is_pending(thread, OP_RENAME))
		return OP_COPY_UP_RENAME;
	if (place_of(thread->kinds, CHANGING_XATTR) < PLACES)
		return OP_COPY_UP_XATTR;
	if (is_linking(thread, BPF_CORE_READ(dentry, d_sb)))
		return OP_COPY_UP_LINK;
	if (is_pending(thread, OP_OPEN) || flags & ~O_WRONLY)
		return OP_COPY_UP_OPEN;
	return OP_COPY_UP_OTHER;
}

/* The program at the beginning of ovl_copy_up_one(parent, dentry, flags): once for each parent, too. */
static __noinline void begin_copy_up(struct dentry *dentry, int flags)
{
	struct thread *thread;
	__u64 place;

	enter(current_task(), OP_COPY_UP_OTHER, (__u64)dentry, NOTHING_MADE, false);
	thread = thread_record(false);
	if (!thread)
		return;
	place = place_of(thread->kinds, COPYING);
	if (place < PLACES)
		start_at(thread, place)->id |= cause_of(thread, dentry, flags) - OP_COPY_UP_OPEN;
}

/* There is a new file or directory in the upper layer, or a new copy of data. */
static __always_inline void make_copy(__s64 bytes)
{
	struct thread *thread = thread_record(false);
	__u64 place;

	if (!thread)
		return;
	place = place_of(thread->kinds, COPYING);
	if (place < PLACES && start_at(thread, place)->pos < bytes)
		start_at(thread, place)->pos = bytes;
}

/* dentry is NULL where only the return value is known. */
static __noinline void end_copy_up(struct dentry *dentry, int ret)
{
	struct thread *thread = thread_record(false);
	__u64 place = thread ? place_of(thread->kinds, COPYING) : PLACES;
	struct start *start;

	if (!thread || place >= PLACES) {
		if (is_chosen(current_task()))
			count_miss(MISS_NO_START);
		return;
	}
	start = start_at(thread, place);
	free_place(thread, place);
	if (dentry && (start->id & ~CAUSE_BITS) != (__u64)dentry) {
		count_miss(MISS_STALE);
		count_miss(MISS_NO_START);
		forget_thread(thread);
	} else if (!ret && start->pos == NOTHING_MADE) {
		forget_thread(thread);
	} else {
		finish_function(OP_COPY_UP_OPEN + (start->id & CAUSE_BITS), thread, start, place, ret ?: start->pos);
	}
}

static __noinline void begin_xattr(void)
{
	enter(current_task(), OP_COPY_UP_XATTR, 0, 0, true);
}

static __noinline void end_xattr(void)
{
	struct thread *thread = thread_record(false);
	__u64 place;

	if (!thread)
		return;
	place = place_of(thread->kinds, CHANGING_XATTR);
	if (place < PLACES)
		free_place(thread, place);
	forget_thread(thread);
}

SEC("?fentry/ovl_copy_up_one")
int BPF_PROG(fentry_ovl_copy_up_one, struct dentry *parent, struct dentry *dentry, int flags)
{
	begin_copy_up(dentry, flags);
	return 0;
}

SEC("?fexit/ovl_copy_up_one")
int BPF_PROG(fexit_ovl_copy_up_one, struct dentry *parent, struct dentry *dentry, int flags, int ret)
{
	end_copy_up(dentry, ret);
	return 0;
}

SEC("?kprobe")
int kprobe_ovl_copy_up_one(struct pt_regs *regs)
{
	begin_copy_up((void *)second_argument(regs), third_argument(regs));
	return 0;
}

SEC("?kretprobe")
int kretprobe_ovl_copy_up_one(struct pt_regs *regs)
{
	end_copy_up(NULL, returned(regs));
	return 0;
}

/* Functions whose beginning alone counts. The upper inode is made by the one since 6.1, and by the other before. */
#define MAKERS(ROW)               \
	ROW(ovl_copy_up_metadata) \
	ROW(ovl_copy_up_inode)

/* Since 6.1, and before: the number of bytes is the fourth argument of both. */
#define COPIERS(ROW)          \
	ROW(ovl_copy_up_file) \
	ROW(ovl_copy_up_data)

/* They change attributes; the second one since 6.2. */
#define XATTR_FUNCTIONS(ROW) \
	ROW(ovl_xattr_set)   \
	ROW(ovl_set_acl)

#define MAKER_PROGRAMS(function)                    \
	SEC("?fentry/" #function)                   \
	int fentry_##function(__u64 *arguments)     \
	{                                           \
		make_copy(0);                       \
		return 0;                           \
	}                                           \
	SEC("?kprobe")                              \
	int kprobe_##function(struct pt_regs *regs) \
	{                                           \
		make_copy(0);                       \
		return 0;                           \
	}

#define COPIER_PROGRAMS(function)                   \
	SEC("?fentry/" #function)                   \
	int fentry_##function(__u64 *arguments)     \
	{                                           \
		make_copy(arguments[3]);            \
		return 0;                           \
	}                                           \
	SEC("?kprobe")                              \
	int kprobe_##function(struct pt_regs *regs) \
	{                                           \
		make_copy(fourth_argument(regs));   \
		return 0;                           \
	}

#define XATTR_PROGRAMS(function)                       \
	SEC("?fentry/" #function)                      \
	int fentry_##function(__u64 *arguments)        \
	{                                              \
		begin_xattr();                         \
		return 0;                              \
	}                                              \
	SEC("?fexit/" #function)                       \
	int fexit_##function(__u64 *arguments)         \
	{                                              \
		end_xattr();                           \
		return 0;                              \
	}                                              \
	SEC("?kprobe")                                 \
	int kprobe_##function(struct pt_regs *regs)    \
	{                                              \
		begin_xattr();                         \
		return 0;                              \
	}                                              \
	SEC("?kretprobe")                              \
	int kretprobe_##function(struct pt_regs *regs) \
	{                                              \
		end_xattr();                           \
		return 0;                              \
	}

MAKERS(MAKER_PROGRAMS)
COPIERS(COPIER_PROGRAMS)
XATTR_FUNCTIONS(XATTR_PROGRAMS)

/* What a system call that opens a file finds at its entry. */
struct before_open {
	__u64 written; /* the bytes that the thread has made dirty */
	__u64 jiffies;
};

static __always_inline __u64 written_by(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->ioac.write_bytes))
		return 0;
	return BPF_CORE_READ(task, ioac.write_bytes);
}

static __always_inline void note_before_open(struct task_struct *task, struct before_open *before)
{
	before->written = written_by(task);
	before->jiffies = bpf_jiffies64();
}

static __always_inline struct inode *inode_like(struct file *real, struct inode *inode)
{
	struct inode *other = BPF_CORE_READ(real, f_inode);

	return other && BPF_CORE_READ(other, i_mode) == BPF_CORE_READ(inode, i_mode) &&
	                       BPF_CORE_READ(other, i_size) == BPF_CORE_READ(inode, i_size)
	               ? other
	               : NULL;
}

/*
 * The inode in the layer that a file is in. Where overlayfs is a module its types are not in the kernel's BTF, so what
 * a file points to is looked at: it is the other file, or since 6.13 something that begins with a pointer to it.
 */
static __always_inline struct inode *real_inode(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct file *real = BPF_CORE_READ(file, private_data);
	struct inode *found = inode_like(real, inode);

	if (found)
		return found;
	bpf_probe_read_kernel(&real, sizeof(real), real);
	return inode_like(real, inode);
}

/*
 * The number of bytes that were copied while a regular file was opened, inferred: the file may be written and is not
 * empty, its real inode became dirty meanwhile, as a new one does, and the thread has made pages dirty. Without bytes
 * nothing was copied, or it cannot be told: with reflinks, by metacopy=on, or on a tmpfs.
 */
static __always_inline __u64 copied_by_open(struct task_struct *task, struct file *file,
                                            const struct before_open *before)
{
	__u64 written = written_by(task) - before->written;
	struct inode *real;
	__u64 size;

	if (!written || !(BPF_CORE_READ(file, f_flags) & O_ACCMODE))
		return 0;
	real = real_inode(file);
	if (!real || (__s64)(BPF_CORE_READ(real, dirtied_when) - before->jiffies) < 0)
		return 0;
	/* The sum also has pages of directories and inodes; a copy leaves out holes. */
	size = BPF_CORE_READ(real, i_size);
	return size < written ? size : written;
}

#endif
