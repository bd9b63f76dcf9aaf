// SPDX-License-Identifier: GPL-3.0-only
/*
 * How long tasks wait while they reclaim memory themselves: because their cgroup is at its limit or above memory.high,
 * or because the machine is short of memory. Nothing runs before memory is short, and then twice in each reclaim.
 *
 * The kernel never reclaims within a reclaim, so a thread has one start. Kernel threads keep nobody waiting.
 */
#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "histograms.h"
#include "reclaim.h"
#include "tasks.h"

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

const volatile struct reclaim_config config SEC(".rodata.config");
struct reclaim_counters counters SEC(".data.counters");

/* Reclaims under way. LRU: where an end is missed, its start is never removed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);   /* thread */
	__type(value, __u64); /* CLOCK_MONOTONIC */
} starts SEC(".maps");

static __always_inline bool is_wanted(struct task_struct *task)
{
	if (config.pid_ns_inum && !in_pid_namespace(task, config.pid_ns_inum))
		return false;
	return !config.cgroup_id || in_cgroup(task, config.cgroup_id, config.cgroup_v1);
}

static __always_inline int begin(void)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 now_ns = bpf_ktime_get_ns();

	bpf_map_update_elem(&starts, &thread, &now_ns, BPF_ANY);
	return 0;
}

static __noinline int end(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 *start_ns = bpf_map_lookup_elem(&starts, &thread);
	__u64 ns = start_ns ? bpf_ktime_get_ns() - *start_ns : 0;
	__u32 hint = OVERFLOW_SLOT, first;

	bpf_map_delete_elem(&starts, &thread);
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD || !is_wanted(task))
		return 0;
	if (!start_ns) {
		__sync_fetch_and_add(&counters.no_start, 1);
		return 0;
	}
	first = cells_of(slot_of(config.cgroup_v1 ? memory_cgroup_id(task) : default_cgroup_id(task), &hint), 0, ns);
	add(first + CELL_SUM_NS, ns);
	add(first + CELL_BUCKETS + bucket_of(ns), 1);
	return 0;
}

SEC("raw_tp/mm_vmscan_direct_reclaim_begin")
int direct_begin(void *ctx)
{
	return begin();
}

SEC("raw_tp/mm_vmscan_direct_reclaim_end")
int direct_end(void *ctx)
{
	return end();
}

SEC("raw_tp/mm_vmscan_memcg_reclaim_begin")
int memcg_begin(void *ctx)
{
	return begin();
}

SEC("raw_tp/mm_vmscan_memcg_reclaim_end")
int memcg_end(void *ctx)
{
	return end();
}

char LICENSE[] SEC("license") = "GPL";
