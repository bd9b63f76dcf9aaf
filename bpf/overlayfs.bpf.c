// SPDX-License-Identifier: GPL-3.0-only
/*
 * Times operations on overlayfs and counts them into mapped memory, by cgroup. The programs are in
 * overlayfs_functions.h, copy_up.h and overlayfs_syscalls.h, by the way to attach; enter() and leave() of operations.h
 * do all the work. With "?" in its section a program is not loaded until user space chooses it.
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
#include "sleeps.h"
#include "causes.h"
#include "slow.h"
#include "operations.h"
#include "slow_functions.h"
#include "overlayfs_functions.h"
#include "copy_up.h"
#include "overlayfs_syscalls.h"
#include "slow_syscalls.h"

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
	delete_stored(bpf_get_current_task_btf());
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
