/* SPDX-License-Identifier: GPL-3.0-only */
/* The cgroups and PID namespaces of a task. Reads by helper, for any task and any kernel from 5.8 on. */
#ifndef FLOATIE_TASKS_H
#define FLOATIE_TASKS_H

/* The memory cgroup to which the task's memory is charged. */
static __always_inline struct cgroup_subsys_state *memory_css(struct task_struct *task)
{
	int index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *css = NULL;

	bpf_core_read(&css, sizeof(css), &set->subsys[index]);
	return css;
}

/* The task's cgroup in the v1 memory hierarchy, or in v2 where memory is a v2 controller. */
static __always_inline struct cgroup *memory_cgroup(struct task_struct *task)
{
	return BPF_CORE_READ(memory_css(task), cgroup);
}

static __always_inline __u64 memory_cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(memory_cgroup(task), kn, id);
}

/* The id of the task's cgroup in the v2 hierarchy. */
static __always_inline __u64 default_cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* As in the kernel's process_shares_mm(): that of the first thread that still has an mm. NULL: none has. */
static __always_inline struct mm_struct *memory_of(struct task_struct *task)
{
	struct list_head *head =
		(void *)BPF_CORE_READ(task, signal) + bpf_core_field_offset(struct signal_struct, thread_head);

	for (int threads = 0; threads < 16; threads++) {
		struct mm_struct *its = BPF_CORE_READ(task, mm);
		struct list_head *next;

		if (its)
			return its;
		next = BPF_CORE_READ(task, thread_node.next);
		if (next == head)
			break;
		task = (void *)next - bpf_core_field_offset(struct task_struct, thread_node);
	}
	return NULL;
}

static __always_inline bool shares_memory(struct task_struct *task, struct mm_struct *mm)
{
	return mm && memory_of(task) == mm;
}

/* The depth to which ancestors are searched; container runtimes nest about ten levels. */
#define CGROUP_DEPTH 64

/* Whether the task is in this cgroup or in one below it. */
static __always_inline bool in_cgroup(struct task_struct *task, __u64 id, bool v1)
{
	struct cgroup *cgroup = v1 ? memory_cgroup(task) : BPF_CORE_READ(task, cgroups, dfl_cgrp);

	for (int depth = 0; depth < CGROUP_DEPTH && cgroup; depth++) {
		struct cgroup_subsys_state *parent;

		if (BPF_CORE_READ(cgroup, kn, id) == id)
			return true;
		parent = BPF_CORE_READ(cgroup, self.parent);
		cgroup = parent ? BPF_CORE_READ(parent, cgroup) : NULL;
	}
	return false;
}

/* The task's process id in its own PID namespace. */
static __always_inline __u32 own_tgid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	bpf_probe_read_kernel(&upid, sizeof(upid),
	                      (void *)pid + bpf_core_field_offset(pid->numbers) + level * sizeof(upid));
	return upid.nr;
}

/* Whether the task is in this PID namespace or in one below it. */
static __always_inline bool in_pid_namespace(struct task_struct *task, __u64 inum)
{
	/* thread_pid has the task's own namespace; nsproxy has that of future children, and is NULL while exiting. */
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);

	/* MAX_PID_NS_LEVEL is 32. */
	for (__u32 i = 0; i <= 32; i++) {
		struct upid upid;

		if (i > level)
			break;
		bpf_probe_read_kernel(&upid, sizeof(upid),
		                      (void *)pid + bpf_core_field_offset(pid->numbers) + i * sizeof(upid));
		if (BPF_CORE_READ(upid.ns, ns.inum) == inum)
			return true;
	}
	return false;
}

#endif
