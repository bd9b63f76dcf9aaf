/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * The paths of cgroups, sent beside events, because a cgroup can be removed before user space looks it up. The includer
 * has `config`, `counters` and `events`. src/receivers/cgroup-path.ts decodes them.
 */
#ifndef FLOATIE_PATHS_H
#define FLOATIE_PATHS_H

/* A cgroup's name has at most 255 bytes. */
#define NAME_BYTES 256
#define PATH_BYTES 1008

/* The path of a cgroup in an event. */
struct cgroup_path {
	__u64 cgroup_id;
	__u32 bytes;      /* of names */
	__u8 below_mount; /* how many names lie below the cgroup that user space sees as the root; 255: not met */
	__u8 is_cut;      /* there are more names above */
	/* The cgroup's name, then its parent's and so on, without the nameless root; each ends by a NUL. */
	__u8 names[PATH_BYTES];
};

/* A power of two: a mask bounds the index in a way that every verifier understands. */
#define PATHS 4

/* The cgroups whose paths were sent last, by their role in an event. */
static struct {
	__u64 cgroup_id;
	__u64 time_ns;
} told[PATHS];

#define PATH_AGAIN_NS 1000000000

static __always_inline struct cgroup *naming_cgroup(struct task_struct *task)
{
	return config.cgroup_v1 ? memory_cgroup(task) : BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

/* Not inlined, so that clang describes struct cgroup_path in BTF. */
static __noinline void write_path(struct cgroup_path *path, struct cgroup *cgroup)
{
	__u64 bytes = 0;

	path->cgroup_id = BPF_CORE_READ(cgroup, kn, id);
	path->below_mount = 255;
	path->is_cut = 1;
	for (int depth = 0; depth < CGROUP_DEPTH; depth++) {
		struct cgroup_subsys_state *parent = BPF_CORE_READ(cgroup, self.parent);
		long length;

		if (BPF_CORE_READ(cgroup, kn, id) == config.mount_id)
			path->below_mount = depth;
		if (!parent)
			path->is_cut = 0;
		if (!parent || bytes > PATH_BYTES - NAME_BYTES)
			break;
		length = bpf_probe_read_kernel_str(path->names + bytes, NAME_BYTES, BPF_CORE_READ(cgroup, kn, name));
		if (length <= 0)
			break;
		bytes += length;
		cgroup = BPF_CORE_READ(parent, cgroup);
	}
	path->bytes = bytes;
}

/*
 * A cgroup that loses many processes at once needs its path once. Not static: the verifier looks at a static function
 * for each call of it, and once at one that anybody could call. Such a function takes only numbers before Linux 5.12,
 * hence the address of a struct cgroup.
 */
__noinline int tell_path(__u64 address, __u32 whose)
{
	struct cgroup *cgroup = (void *)address;
	__u64 id = BPF_CORE_READ(cgroup, kn, id);
	__u64 now = bpf_ktime_get_ns();
	struct cgroup_path *path;

	for (int i = 0; i < PATHS; i++)
		if (told[i].cgroup_id == id && now - told[i].time_ns < PATH_AGAIN_NS)
			return 0;
	path = bpf_ringbuf_reserve(&events, sizeof(*path), 0);
	if (!path) {
		__sync_fetch_and_add(&counters.cut, 1);
		return 0;
	}
	write_path(path, cgroup);
	bpf_ringbuf_submit(path, 0);
	told[whose & (PATHS - 1)].cgroup_id = id;
	told[whose & (PATHS - 1)].time_ns = now;
	return 0;
}

#endif
