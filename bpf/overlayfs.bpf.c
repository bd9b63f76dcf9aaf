// SPDX-License-Identifier: GPL-3.0-only
/*
 * Times reads and writes of regular files on overlayfs and counts them into mapped memory, by cgroup.
 * Each stub at the end serves one way to attach; enter() and leave() do all the work. With "?" in its section a stub is
 * not loaded until user space chooses its way to attach.
 */
#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "functions.h"
#include "histograms.h"
#include "overlayfs.h"
#include "syscalls.h"
#include "tasks.h"
#include "threads.h"

#ifdef TYPED_LOADS
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#endif

/* Whether the configuration selects this thread. The verifier removes the checks of settings that are 0. */
static __always_inline bool is_chosen(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (config.only_tgid) {
		struct bpf_pidns_info here;

		if (bpf_get_ns_current_pid_tgid(config.only_tgid_dev, config.only_tgid_ino, &here, sizeof(here)) ||
		    here.tgid != config.only_tgid)
			return false;
	}
	if (config.pid_ns_inum && !in_pid_namespace(task, config.pid_ns_inum))
		return false;
	return !config.cgroup_id || in_cgroup(task, config.cgroup_id, config.cgroup_v1);
}

static __always_inline __u64 current_cgroup_id(void)
{
	if (!config.cgroup_v1)
		return bpf_get_current_cgroup_id();
	if (config.task_storage)
		return bpf_get_current_task_btf()
		        ->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]
		        ->cgroup->kn->id;
	return memory_cgroup_id((void *)bpf_get_current_task());
}

/* An operation begins that is not timed: removes a stale start, so that its exit finds none. */
static __always_inline void enter_elsewhere(enum op op, bool outer)
{
	struct thread *thread = thread_record(false);
	__u64 place;

	if (!thread)
		return;
	place = place_of(thread->kinds, kind_of(op, outer));
	if (place < PLACES) {
		free_place(thread, place);
		count_miss(MISS_STALE);
	}
}

/*
 * An operation begins. id is unique among the thread's pending operations, and the exit has the same id.
 */
static __always_inline void enter(enum op op, __u64 id, __s64 pos, bool outer)
{
	struct thread *thread;
	struct start *start;

	if (!is_chosen()) {
		/* The only selection that can change within an operation is the task's cgroup. */
		if (config.cgroup_id)
			enter_elsewhere(op, outer);
		return;
	}
	thread = thread_record(true);
	if (!thread)
		return;
	start = take_place(thread, kind_of(op, outer));
	start->id = id;
	start->pos = pos;
	start->cgroup_id = current_cgroup_id();
	start->ns = bpf_ktime_get_ns();
}

static __always_inline void count(enum op op, struct thread *thread, __u64 cgroup_id, __u64 ns, __s64 ret)
{
	__u32 first = cells_of(slot_of(cgroup_id, &thread->slot), op, ns);

	if (ret > 0 || (!ret && !moves_bytes(op))) {
		add(first + CELL_SUM_NS, ns);
		add(first + CELL_BUCKETS + bucket_of(ns), 1);
	} else {
		add(first + (ret == -EIOCBQUEUED ? CELL_ASYNC : ret ? CELL_ERRORS : CELL_ZEROS), 1);
	}
}

/* An operation has ended and left its place. ret is its return value: bytes, 0 or a negative errno. */
static __always_inline void finish(enum op op, struct thread *thread, const struct start *start, __s64 ret)
{
	__u64 now_ns = bpf_ktime_get_ns();

	if (now_ns < start->ns)
		count_miss(MISS_CLOCK);
	else
		count(op, thread, start->cgroup_id, now_ns - start->ns, ret);
	forget_thread(thread);
}

/* For exits of all system calls, of which most are not on overlayfs: an exit without a start is no miss. */
static __always_inline void leave(enum op op, __u64 id, __s64 ret)
{
	struct thread *thread = thread_record(false);
	struct start *start;
	__u64 place;

	if (!thread)
		return;
	place = place_of(thread->kinds, kind_of(op, false));
	if (place >= PLACES)
		return;
	start = start_at(thread, place);
	free_place(thread, place);
	if (start->id == id) {
		finish(op, thread, start, ret);
		return;
	}
	count_miss(MISS_STALE);
	forget_thread(thread);
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
static __always_inline bool ends(enum op op, const struct start *start, __s64 ret)
{
	struct kiocb *iocb = (void *)start->id;

	if (ret <= 0 || !moves_bytes(op) || BPF_CORE_READ(iocb, ki_pos) - ret == start->pos)
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
	/* Functions that move no bytes return an int, which leaves the upper half of the register undefined. */
	if (!moves_bytes(op))
		ret = (int)ret;
	if (ends(op, start, ret)) {
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

SEC("?fentry/ovl_read_iter")
int BPF_PROG(fentry_read, struct kiocb *iocb)
{
	enter_transfer(OP_READ, iocb);
	return 0;
}

SEC("?fexit/ovl_read_iter")
int BPF_PROG(fexit_read, struct kiocb *iocb, struct iov_iter *iter, long ret)
{
	leave_this(OP_READ, iocb, ret);
	return 0;
}

SEC("?fentry/ovl_write_iter")
int BPF_PROG(fentry_write, struct kiocb *iocb)
{
	enter_transfer(OP_WRITE, iocb);
	return 0;
}

SEC("?fexit/ovl_write_iter")
int BPF_PROG(fexit_write, struct kiocb *iocb, struct iov_iter *iter, long ret)
{
	leave_this(OP_WRITE, iocb, ret);
	return 0;
}

/* No function in the section name: attached to events of tracefs, which set maxactive. */
SEC("?kprobe")
int kprobe_read(struct pt_regs *regs)
{
	enter_transfer(OP_READ, (void *)first_argument(regs));
	return 0;
}

SEC("?kretprobe")
int kretprobe_read(struct pt_regs *regs)
{
	leave_latest(OP_READ, returned(regs));
	return 0;
}

SEC("?kprobe")
int kprobe_write(struct pt_regs *regs)
{
	enter_transfer(OP_WRITE, (void *)first_argument(regs));
	return 0;
}

SEC("?kretprobe")
int kretprobe_write(struct pt_regs *regs)
{
	leave_latest(OP_WRITE, returned(regs));
	return 0;
}

/* A thread ends. Without this, its storage would stay until its process is reaped. */
SEC("?raw_tp/sched_process_exit")
int thread_exit(void *ctx)
{
	struct thread *thread = thread_record(false);

	if (!thread)
		return 0;
	if (!config.task_storage) {
		__u64 id = bpf_get_current_pid_tgid();

		bpf_map_delete_elem(&threads_by_id, &id);
		return 0;
	}
	if (thread->counted)
		__sync_fetch_and_add(&counters.threads, -1);
	thread->counted = false;
	bpf_task_storage_delete(&threads, bpf_get_current_task_btf());
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
