/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * Operations as system calls show them: by a descriptor, or by a name in a directory. Every system call of the machine
 * comes here, so one that is not followed costs a look into a table.
 */
#ifndef FLOATIE_OVERLAYFS_SYSCALLS_H
#define FLOATIE_OVERLAYFS_SYSCALLS_H

#ifdef TYPED_LOADS
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#define LOAD(from, field) ((from)->field)
#else
#define LOAD(from, field) BPF_CORE_READ(from, field)
#endif

/* The limit of calls that open files at a time. Of two threads with the same place, the first one's call is missed. */
#define OPENING_PLACES 4096

struct opening {
	struct start start;
	struct before_open before;
};

/* Calls that are opening a file, by thread: only what they return tells whether it is on overlayfs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OPENING_PLACES);
	__type(key, __u32);
	__type(value, struct opening);
} opening SEC(".maps");

static __always_inline bool is_compat_syscall(struct task_struct *task)
{
	if (config.task_storage)
		return task->thread_info.COMPAT_FIELD & COMPAT_BIT;
	return BPF_CORE_READ(task, thread_info.COMPAT_FIELD) & COMPAT_BIT;
}

static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
	struct files_struct *files = LOAD(task, files);
	struct fdtable *table = LOAD(files, fdt);

	if (fd >= LOAD(table, max_fds))
		return NULL;
#ifdef TYPED_LOADS
	/* BTF has no type for a plain pointer to a file. */
	struct llist_head *slot = bpf_rdonly_cast(table->fd + fd, bpf_core_type_id_kernel(struct llist_head));

	if (!slot->first)
		return NULL;
	return bpf_rdonly_cast(slot->first, bpf_core_type_id_kernel(struct file));
#else
	struct file **fds = LOAD(table, fd);
	struct file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), fds + fd);
	return file;
#endif
}

static __always_inline bool is_on_overlayfs(struct file *file)
{
	struct inode *inode = LOAD(file, f_inode);
	struct super_block *super = LOAD(inode, i_sb);

	return LOAD(super, s_magic) == OVERLAYFS_SUPER_MAGIC;
}

static __always_inline __u32 type_of(struct file *file)
{
	struct inode *inode = LOAD(file, f_inode);

	return LOAD(inode, i_mode) & S_IFMT;
}

static __always_inline bool is_regular_on_overlayfs(struct file *file)
{
	return file && is_on_overlayfs(file) && type_of(file) == S_IFREG;
}

/* Overlayfs also has inodes for FIFOs and device nodes, but other code opens them and does their I/O. */
static __always_inline bool is_own_of_overlayfs(struct file *file)
{
	return file && is_on_overlayfs(file) && (type_of(file) == S_IFREG || type_of(file) == S_IFDIR);
}

/* Whether the duration of a transfer says nothing of the other end, as it would of a pipe that is full. */
static __always_inline bool never_waits(struct file *file)
{
	return file && (type_of(file) == S_IFREG || LOAD(file, f_flags) & O_NONBLOCK);
}

static __always_inline bool is_transfer_on_overlayfs(struct task_struct *task, __u32 fd, __u32 other)
{
	struct file *a = file_of(task, fd);
	struct file *b = file_of(task, other);

	return (is_regular_on_overlayfs(a) && never_waits(b)) || (is_regular_on_overlayfs(b) && never_waits(a));
}

/* The directory of a name, or the file itself where the name is empty. */
static __always_inline bool is_below_overlayfs(struct task_struct *task, __u32 fd)
{
	if (fd == (__u32)AT_FDCWD) {
		struct fs_struct *fs = LOAD(task, fs);
		struct dentry *dentry = LOAD(fs, pwd.dentry);
		struct super_block *super = LOAD(dentry, d_sb);

		return LOAD(super, s_magic) == OVERLAYFS_SUPER_MAGIC;
	}

	struct file *file = file_of(task, fd);

	return file && is_on_overlayfs(file);
}

#define NAME_PART 64

/* What a name in memory of user space is. An unreadable one is not in memory now, or nowhere. */
enum name { NAME_OF_ENTRY, NAME_EMPTY, NAME_OTHER, NAME_UNREADABLE };

/*
 * A name without a slash is that of an entry of its directory, unless it is "." or "..". A function of its own, which
 * the verifier follows only once.
 */
__noinline int look_at_name(__u64 name)
{
	char part[NAME_PART];

	/* A name has at most 255 characters. */
	for (int parts = 0; parts < 5; parts++) {
		long size = bpf_probe_read_user_str(part, sizeof(part), (void *)name);

		if (size < 0)
			return NAME_UNREADABLE;
		/* Of an empty string older kernels leave out the byte at the end. */
		if (!parts && size <= 1)
			return NAME_EMPTY;
		if (!parts && part[0] == '.' && (size == 2 || (size == 3 && part[1] == '.')))
			return NAME_OTHER;
#pragma clang loop unroll(disable)
		for (int i = 0; i < NAME_PART - 1 && i < size - 1; i++)
			if (part[i] == '/')
				return NAME_OTHER;
		if (size < NAME_PART)
			return NAME_OF_ENTRY;
		name += NAME_PART - 1;
	}
	return NAME_OTHER;
}

/* The limit of mounts on one overlay that are searched for one entry. */
#define MOUNTS_MAX 64

/* Whether this is the name in user space, as far as the first part tells. */
__noinline int is_same_name(__u64 name_in_kernel, __u64 name)
{
	char its[NAME_PART] = {}, given[NAME_PART] = {};

	bpf_probe_read_kernel_str(its, sizeof(its), (void *)name_in_kernel);
	bpf_probe_read_user_str(given, sizeof(given), (void *)name);
#pragma clang loop unroll(disable)
	for (int i = 0; i < NAME_PART && (its[i] || given[i]); i++)
		if (its[i] != given[i])
			return false;
	return true;
}

/* Whether another filesystem may be mounted on the entry with this name in a directory of this mount. */
__noinline int may_be_mounted_on(__u64 mount_address, __u64 directory, __u64 name)
{
	struct mount *mount = (void *)mount_address - bpf_core_field_offset(struct mount, mnt);
	struct list_head *end = (void *)mount + bpf_core_field_offset(struct mount, mnt_mounts);
	struct list_head *next = BPF_CORE_READ(end, next);

	for (int mounts = 0; mounts < MOUNTS_MAX; mounts++) {
		struct mount *child = (void *)next - bpf_core_field_offset(struct mount, mnt_child);
		struct dentry *entry;

		if (next == end)
			return false;
		entry = BPF_CORE_READ(child, mnt_mountpoint);
		if ((__u64)BPF_CORE_READ(entry, d_parent) == directory &&
		    is_same_name((__u64)BPF_CORE_READ(entry, d_name.name), name))
			return true;
		next = BPF_CORE_READ(next, next);
	}
	count_miss(MISS_NAME);
	return true;
}

static __always_inline bool is_mount_point(struct task_struct *task, __u32 fd, __u64 name)
{
	struct path path = {};

	if (fd == (__u32)AT_FDCWD) {
		path.mnt = BPF_CORE_READ(task, fs, pwd.mnt);
		path.dentry = BPF_CORE_READ(task, fs, pwd.dentry);
	} else {
		struct file *file = file_of(task, fd);

		path.mnt = BPF_CORE_READ(file, f_path.mnt);
		path.dentry = BPF_CORE_READ(file, f_path.dentry);
	}
	return may_be_mounted_on((__u64)path.mnt, (__u64)path.dentry, name);
}

/* Where the kernel is locked down, libbpf makes reads of user space reads of any memory, which are forbidden there. */
static __always_inline enum name name_in_memory(struct task_struct *task, __u64 name)
{
	enum name is;

	if (!config.untyped_loads)
		return NAME_OTHER;
	is = look_at_name(name);
	if (is == NAME_UNREADABLE && is_chosen(task))
		count_miss(MISS_NAME);
	return is;
}

/* Whether a directory's entry is named that is created, removed or renamed there, whatever is mounted on it. */
static __always_inline bool is_named_on_overlayfs(struct task_struct *task, __u32 fd, __u64 name)
{
	return is_below_overlayfs(task, fd) && name_in_memory(task, name) == NAME_OF_ENTRY;
}

/* Whether the descriptor's own file is meant, which has no name, or an entry of its directory and nothing behind it. */
static __always_inline bool is_meant_on_overlayfs(struct task_struct *task, __u32 fd, __u64 name, __u32 flags)
{
	if ((name && !(flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))) || !is_below_overlayfs(task, fd))
		return false;
	if (!name)
		return true;
	switch (name_in_memory(task, name)) {
	case NAME_EMPTY:
		return flags & AT_EMPTY_PATH;
	case NAME_OF_ENTRY:
		return flags & AT_SYMLINK_NOFOLLOW && !is_mount_point(task, fd, name);
	default:
		return false;
	}
}

/* file is that of the first argument, if it shows the operation. */
static __always_inline bool is_call_on_overlayfs(struct task_struct *task, __u32 shown, const __u64 *args,
                                                 struct file **file)
{
	if (shown == FILE_0)
		return is_regular_on_overlayfs(*file = file_of(task, args[0]));
	switch (shown) {
	case OWN_0:
		return is_own_of_overlayfs(*file = file_of(task, args[0]));
	case ANY_0:
		return is_below_overlayfs(task, args[0]);
	case FILES_0_1:
		return is_transfer_on_overlayfs(task, args[0], args[1]);
	case FILES_0_2:
		return is_transfer_on_overlayfs(task, args[0], args[2]);
	case NAME_0:
		return is_named_on_overlayfs(task, AT_FDCWD, args[0]);
	case NAME_1:
		return is_named_on_overlayfs(task, AT_FDCWD, args[1]);
	case NAMES_0_1:
		return is_named_on_overlayfs(task, AT_FDCWD, args[0]) || is_named_on_overlayfs(task, AT_FDCWD, args[1]);
	case NAME_0_1:
		return is_named_on_overlayfs(task, args[0], args[1]);
	case NAME_1_2:
		return is_named_on_overlayfs(task, args[1], args[2]);
	case NAME_2_3:
		return is_named_on_overlayfs(task, args[2], args[3]);
	case NAMES_0_1_2_3:
		return is_named_on_overlayfs(task, args[0], args[1]) || is_named_on_overlayfs(task, args[2], args[3]);
	case MEANT_0_1_2:
		return is_meant_on_overlayfs(task, args[0], args[1], args[2]);
	case MEANT_0_1_3:
		return is_meant_on_overlayfs(task, args[0], args[1], args[3]);
	case MEANT_0_1_4:
		return is_meant_on_overlayfs(task, args[0], args[1], args[4]);
	}
	return false;
}

static __always_inline struct opening *opening_place(__u64 thread)
{
	__u32 place = thread & (OPENING_PLACES - 1);

	return bpf_map_lookup_elem(&opening, &place);
}

static __always_inline bool is_followed(enum op op)
{
	return config.operations >> op & 1;
}

/* Opens also tell copy-ups. */
static __always_inline bool is_call_followed(struct syscall call)
{
	return is_followed(call.op) || (call.shown == RETURNED && is_followed(OP_COPY_UP_INFERRED));
}

static __always_inline void enter_opening(struct task_struct *task)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct opening *place = opening_place(thread);
	struct start *start;
	bool chosen;

	if (!place)
		return;
	start = &place->start;
	chosen = is_chosen(task);
	/* A thread that is not counted leaves other threads' calls alone. */
	if (!chosen && start->id != thread)
		return;
	if (start->id)
		count_miss(MISS_STALE);
	start->id = 0;
	if (!chosen)
		return;
	if (is_followed(OP_COPY_UP_INFERRED))
		note_before_open(task, &place->before);
	start->cgroup_id = cgroup_id_of(task);
	begin_opening(task);
	start->before = counts_of(task);
	start->ns = bpf_ktime_get_ns();
	start->id = thread;
}

/* A call that opened no file has no descriptor that would tell where it was looking for one. */
static __always_inline void leave_opening(struct task_struct *task, __s64 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct opening *place = opening_place(id);
	struct opening opened;
	struct thread *thread;
	struct file *file;
	__u64 bytes = 0, sleeps;

	if (!place || place->start.id != id)
		return;
	opened = *place;
	barrier();
	/* Another thread with this place has begun meanwhile, and has counted this call as missed. */
	if (place->start.id != id)
		return;
	place->start.id = 0;
	sleeps = end_opening(task);
	file = ret < 0 ? NULL : file_of(task, ret);
	if (!is_own_of_overlayfs(file) || LOAD(file, f_flags) & O_PATH)
		return;
	if (is_followed(OP_COPY_UP_INFERRED) && type_of(file) == S_IFREG)
		bytes = copied_by_open(task, file, &opened.before);
	thread = thread_of(task, true);
	if (!thread)
		return;
	opened.start.pos = (__s64)file;
	if (bytes)
		count_ended(task, OP_COPY_UP_INFERRED, thread, &opened.start, sleeps, bytes);
	if (is_followed(OP_OPEN))
		finish(task, OP_OPEN, thread, &opened.start, sleeps, 0);
	else
		forget_thread(thread);
}

static __always_inline void enter_syscall(struct task_struct *task, struct syscall call, __u64 id, const __u64 *args)
{
	struct file *file = NULL;

	if (!is_call_followed(call))
		return;
	if (call.shown == RETURNED)
		enter_opening(task);
	else if (is_call_on_overlayfs(task, call.shown, args, &file))
		enter(task, call.op, id, (__s64)file, false);
	else
		enter_elsewhere(task, call.op, false);
}

static __always_inline void leave_syscall(struct task_struct *task, struct syscall call, __u64 id, __s64 ret)
{
	if (!is_call_followed(call))
		return;
	if (call.shown == RETURNED)
		leave_opening(task, ret);
	else
		leave(task, call.op, id, without_other_end(call.op, ret));
}

SEC("?tp_btf/sys_enter")
int BPF_PROG(syscall_enter, struct pt_regs *regs, long nr)
{
	struct task_struct *task = current_task();
	bool compat = is_compat_syscall(task);
	struct syscall call = syscall_of(nr, compat);

	if (call.shown) {
		struct arguments arguments = syscall_arguments(regs, compat);

		enter_syscall(task, call, syscall_id(nr, compat, arguments.args[0]), arguments.args);
	}
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = current_task();
	bool compat = is_compat_syscall(task);
	int nr = syscall_nr(regs);
	struct syscall call = syscall_of(nr, compat);

	if (call.shown)
		leave_syscall(task, call, syscall_id(nr, compat, syscall_fd(regs, compat)), ret);
	return 0;
}

/* Classic tracepoints have no registers at the exit, only the number of the system call. */
SEC("?tp/raw_syscalls/sys_enter")
int classic_enter(struct syscall_enter_event *ctx)
{
	struct task_struct *task = current_task();
	bool compat = is_compat_syscall(task);
	struct syscall call = syscall_of(ctx->id, compat);

	if (call.shown) {
		__u64 args[] = {ctx->args[0], ctx->args[1], ctx->args[2], ctx->args[3], ctx->args[4]};

		enter_syscall(task, call, syscall_id(ctx->id, compat, 0), args);
	}
	return 0;
}

SEC("?tp/raw_syscalls/sys_exit")
int classic_exit(struct syscall_exit_event *ctx)
{
	struct task_struct *task = current_task();
	bool compat = is_compat_syscall(task);
	struct syscall call = syscall_of(ctx->id, compat);

	if (call.shown)
		leave_syscall(task, call, syscall_id(ctx->id, compat, 0), ctx->ret);
	return 0;
}

#endif
