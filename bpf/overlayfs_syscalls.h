/* SPDX-License-Identifier: GPL-3.0-only */
/* Operations on overlayfs by the system calls that tell them. */
#ifndef FLOATIE_OVERLAYFS_SYSCALLS_H
#define FLOATIE_OVERLAYFS_SYSCALLS_H

#ifdef TYPED_LOADS
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#endif

static __always_inline bool is_compat_syscall(void)
{
	if (config.task_storage)
		return bpf_get_current_task_btf()->thread_info.COMPAT_FIELD & COMPAT_BIT;

	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, thread_info.COMPAT_FIELD) & COMPAT_BIT;
}

/*
 * The inode behind a descriptor tells whether it is a regular file on overlayfs. Overlayfs also has inodes for FIFOs,
 * device nodes and directories, but other code does their I/O.
 */
#ifdef TYPED_LOADS
static __always_inline bool is_file_on_overlayfs(__u32 fd)
{
	struct fdtable *table = bpf_get_current_task_btf()->files->fdt;
	struct llist_head *slot;
	struct inode *inode;
	struct file *file;

	if (fd >= table->max_fds)
		return false;
	/* BTF has no type for a plain pointer to a file. */
	slot = bpf_rdonly_cast(table->fd + fd, bpf_core_type_id_kernel(struct llist_head));
	if (!slot->first)
		return false;
	file = bpf_rdonly_cast(slot->first, bpf_core_type_id_kernel(struct file));
	inode = file->f_inode;
	return inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC && (inode->i_mode & S_IFMT) == S_IFREG;
}
#else
static __always_inline bool is_file_on_overlayfs(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;
	struct inode *inode;
	struct file **fds;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return false;
	fds = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), fds + fd);
	if (!file)
		return false;
	inode = BPF_CORE_READ(file, f_inode);
	return BPF_CORE_READ(inode, i_sb, s_magic) == OVERLAYFS_SUPER_MAGIC &&
	       (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFREG;
}
#endif

static __always_inline void enter_syscall(long nr, bool compat, __u32 fd, __u64 id)
{
	int op = op_of_syscall(nr, compat);

	if (op < 0)
		return;
	if (is_file_on_overlayfs(fd))
		enter(op, id, 0, false);
	else
		enter_elsewhere(op, false);
}

SEC("?tp_btf/sys_enter")
int BPF_PROG(syscall_enter, struct pt_regs *regs, long nr)
{
	bool compat = is_compat_syscall();
	__u32 fd;

	if (op_of_syscall(nr, compat) < 0)
		return 0;
	fd = syscall_fd(regs, compat);
	enter_syscall(nr, compat, fd, syscall_id(nr, compat, fd));
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long ret)
{
	bool compat = is_compat_syscall();
	int nr = syscall_nr(regs);
	int op = op_of_syscall(nr, compat);

	if (op >= 0)
		leave(op, syscall_id(nr, compat, syscall_fd(regs, compat)), ret);
	return 0;
}

/* Classic tracepoints have no registers at the exit, only the number of the system call. */
SEC("?tp/raw_syscalls/sys_enter")
int classic_enter(struct syscall_enter_event *ctx)
{
	bool compat = is_compat_syscall();

	enter_syscall(ctx->id, compat, ctx->args[0], syscall_id(ctx->id, compat, 0));
	return 0;
}

SEC("?tp/raw_syscalls/sys_exit")
int classic_exit(struct syscall_exit_event *ctx)
{
	bool compat = is_compat_syscall();
	int op = op_of_syscall(ctx->id, compat);

	if (op >= 0)
		leave(op, syscall_id(ctx->id, compat, 0), ctx->ret);
	return 0;
}

#endif
