/* SPDX-License-Identifier: GPL-3.0-only */
/* On which file a slow system call worked. */
#ifndef FLOATIE_SLOW_SYSCALLS_H
#define FLOATIE_SLOW_SYSCALLS_H

#if defined(__TARGET_ARCH_x86)
#define NATIVE_NUMBER(name, op, shown, x86_64, i386, arm64, arm) NR_##name = x86_64,
#else
#define NATIVE_NUMBER(name, op, shown, x86_64, i386, arm64, arm) NR_##name = arm64,
#endif

enum { SYSCALLS(NATIVE_NUMBER) };

/* A call that has begun, as its start keeps it and, since 5.15, its registers. */
struct call {
	__u32 nr;
	bool compat;
	bool has_arguments;
	struct arguments arguments;
};

static __always_inline struct call call_of(__u64 id)
{
	struct call call = {id & 0x7fffffff, id >> 31 & 1};

	if (config.task_storage && bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		call.arguments = syscall_arguments((void *)bpf_task_pt_regs(bpf_get_current_task_btf()), call.compat);
		call.has_arguments = true;
	}
	return call;
}

/* Where a transfer began: the file's position has moved since, unless the call has its own. */
__noinline __u64 offset_of_call(__u64 id, __u64 file, __s64 ret)
{
	struct call call = call_of(id);

	if (!slow.threshold_ns || !config.untyped_loads || call.compat)
		return UNKNOWN;
	switch (call.nr) {
	case NR_pread64:
	case NR_pwrite64:
	case NR_preadv:
	case NR_pwritev:
		return call.has_arguments ? call.arguments.args[3] : (__u64)UNKNOWN;
	case NR_read:
	case NR_readv:
	case NR_write:
	case NR_writev:
		return BPF_CORE_READ((struct file *)file, f_pos) - (ret > 0 ? ret : 0);
	default:
		return UNKNOWN;
	}
}

/* The arguments of a call that show what it works on. */
struct shown_by {
	bool is_known;
	__u32 fd;
	__u64 name; /* in memory of user space; 0: none */
};

/* Of a name with a slash nothing tells its directory. */
static __always_inline struct shown_by shown_as(__u64 fd, __u64 name)
{
	if (!is_below_overlayfs(current_task(), fd) || (name && look_at_name(name) == NAME_OTHER))
		return (struct shown_by){};
	return (struct shown_by){true, fd, name};
}

static __always_inline struct shown_by shown_by_call(__u64 id)
{
	struct call call = call_of(id);
	const __u64 *args = call.arguments.args;
	struct shown_by first = {};

	if (!slow.threshold_ns || !config.untyped_loads || !call.has_arguments)
		return first;
	switch (syscall_of(call.nr, call.compat).shown) {
	case FILES_0_1:
		first = shown_as(args[0], 0);
		return first.is_known ? first : shown_as(args[1], 0);
	case FILES_0_2:
		first = shown_as(args[0], 0);
		return first.is_known ? first : shown_as(args[2], 0);
	case NAMES_0_1:
		first = shown_as(AT_FDCWD, args[0]);
		return first.is_known ? first : shown_as(AT_FDCWD, args[1]);
	case NAMES_0_1_2_3:
		first = shown_as(args[0], args[1]);
		return first.is_known ? first : shown_as(args[2], args[3]);
	case NAME_0:
		return shown_as(AT_FDCWD, args[0]);
	case NAME_1:
		return shown_as(AT_FDCWD, args[1]);
	case NAME_1_2:
		return shown_as(args[1], args[2]);
	case NAME_2_3:
		return shown_as(args[2], args[3]);
	case ANY_0:
		return shown_as(args[0], 0);
	default:
		return shown_as(args[0], args[1]);
	}
}

/* Apart, which keeps the stack small. */
static __noinline __u64 dentry_of_descriptor(__u32 fd)
{
	struct task_struct *task = current_task();

	if (fd == (__u32)AT_FDCWD)
		return (__u64)BPF_CORE_READ(task, fs, pwd.dentry);
	return dentry_of((__u64)file_of(task, fd));
}

/* What a call works on, or the directory of the entry that it names. */
__noinline __u64 dentry_of_call(__u64 id)
{
	struct shown_by shown = shown_by_call(id);

	return shown.is_known ? dentry_of_descriptor(shown.fd) : 0;
}

/* The name of the entry; 0: none. An empty one means what the descriptor does. */
__noinline __u64 name_in_call(__u64 id)
{
	struct shown_by shown = shown_by_call(id);

	return shown.name && look_at_name(shown.name) == NAME_OF_ENTRY ? shown.name : 0;
}

#endif
