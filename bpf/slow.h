/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * Sends an event of each operation that took long: what it was, on which file, and whose. The layout of events is the
 * contract with src/receivers/overlayfs/slow-events.ts; a test compares both through BTF.
 */
#ifndef FLOATIE_SLOW_H
#define FLOATIE_SLOW_H

#define COMM_BYTES 16

/* A name of a file has at most 255 bytes. */
#define NAME_BYTES 256

/* The limit of names in a path. */
#define NAMES_MAX 64

/* Bytes for the names of a path: of most, and of the longest that are sent whole. */
#define SHORT_NAMES (2 * NAME_BYTES)
#define LONG_NAMES  (4096 + NAME_BYTES)

/* A cgroup sends as many events at once as in a second, then one in each interval. */
#define SLOW_INTERVAL_NS 100000000ULL
#define SLOW_BURST_NS    (9 * SLOW_INTERVAL_NS)

#define UNKNOWN (-1)

/* Read-only in the kernel, written before loading. */
struct slow_config {
	__u64 threshold_ns; /* an operation that takes as long is slow; 0: none is */
	__u8 on_functions;  /* the programs are attached to functions instead of system calls */
};

/* Each slow operation is counted once. */
struct slow_counters {
	__u64 told;
	__u64 left_out; /* its cgroup had sent too many */
	__u64 lost;     /* the ring buffer had no room */
};

/* The names follow: of the file, of its directory and so on up to the overlay's root, each ended by a NUL. */
struct slow_event {
	__u64 time_ns; /* of the end, CLOCK_MONOTONIC */
	__u64 duration_ns;
	__u64 cgroup_id;
	__s64 ret;    /* bytes, 0 or a negative errno */
	__s64 offset; /* in the file; UNKNOWN */
	__s64 copied; /* bytes that were copied up; UNKNOWN, also where nothing was */
	struct parts parts;
	__u32 pid;
	__u32 tgid;
	__u32 own_tgid; /* in its own PID namespace */
	__u32 uid;
	__u32 name_bytes;
	__u8 op;
	__u8 has_path;
	__u8 is_directory;
	__u8 is_deleted;
	__u8 is_cut;              /* there are more names above */
	__u8 comm[COMM_BYTES];    /* of the thread; any bytes */
	__u8 process[COMM_BYTES]; /* of the process: its first thread's */
};

const volatile struct slow_config slow SEC(".rodata.slow");
struct slow_counters slow_counters SEC(".data.slow");

/* User space sets the size before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} slow_events SEC(".maps");

/* By the slot of a cgroup: when all events that it sent are due, if one is due in each interval. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} slow_due SEC(".maps");

/* What an operation works on: a file, or an entry that is named in a directory. */
struct target {
	struct dentry *dentry; /* NULL: not known */
	__u64 name;            /* of the entry, in memory of user space; 0: the dentry itself is meant */
	__s64 offset;
};

/* In slow_functions.h and slow_syscalls.h. */
__u64 dentry_on_functions(__u32 op, __u64 id, __u64 pos);
__u64 dentry_of_call(__u64 id);
__u64 name_in_call(__u64 id);
__u64 offset_of_call(__u64 id, __u64 file, __s64 ret);

static __always_inline __u64 dentry_of(__u64 file)
{
	return (__u64)BPF_CORE_READ((struct file *)file, f_path.dentry);
}

/* On system calls a start keeps the file if its descriptor is the first argument. */
static __always_inline void find_target(enum op op, const struct start *start, __s64 ret, struct target *target)
{
	bool is_transfer = op == OP_READ || op == OP_WRITE;

	if (slow.on_functions) {
		target->dentry = (void *)dentry_on_functions(op, start->id, start->pos);
		if (is_transfer)
			target->offset = start->pos;
	} else if (start->pos) {
		/* If another thread has closed it meanwhile, this thread drops its last reference later. */
		target->dentry = (void *)dentry_of(start->pos);
		if (is_transfer)
			target->offset = offset_of_call(start->id, start->pos, ret);
	} else {
		target->dentry = (void *)dentry_of_call(start->id);
		target->name = name_in_call(start->id);
	}
}

/* Whether the names fit; writes as many as do. */
static __always_inline bool write_names(struct slow_event *event, __u32 room, const struct target *target)
{
	void *names = event + 1;
	struct dentry *dentry = target->dentry;
	__u64 bytes = 0;

	event->is_cut = 1;
	if (target->name) {
		long length = bpf_probe_read_user_str(names, NAME_BYTES, (void *)target->name);

		if (length > 0)
			bytes = length;
	}
	for (int i = 0; i < NAMES_MAX; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		long length;

		if (parent == dentry) {
			event->is_cut = 0;
			break;
		}
		if (bytes > room - NAME_BYTES)
			break;
		length = bpf_probe_read_kernel_str(names + bytes, NAME_BYTES, BPF_CORE_READ(dentry, d_name.name));
		if (length <= 0)
			break;
		bytes += length;
		dentry = parent;
	}
	event->name_bytes = bytes;
	return !event->is_cut;
}

/* As the kernel's d_unlinked(), which writes " (deleted)" in /proc/PID/fd. */
static __always_inline bool is_deleted(struct dentry *dentry)
{
	return !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry;
}

static __always_inline bool write_path(struct slow_event *event, __u32 room, const struct target *target)
{
	struct dentry *dentry = target->dentry;

	/* A file that its process has closed meanwhile can be another one by now. */
	if (!dentry || BPF_CORE_READ(dentry, d_sb, s_magic) != OVERLAYFS_SUPER_MAGIC)
		return true;
	event->has_path = 1;
	event->is_directory = !target->name && (BPF_CORE_READ(dentry, d_inode, i_mode) & S_IFMT) == S_IFDIR;
	event->is_deleted = is_deleted(dentry);
	return write_names(event, room, target);
}

static __always_inline void write_process(struct slow_event *event)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();

	event->pid = id;
	event->tgid = id >> 32;
	event->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	if (!config.untyped_loads)
		return;
	event->own_tgid = own_tgid(task);
	BPF_CORE_READ_INTO(&event->process, task, group_leader, comm);
}

/* Whether the cgroup with this slot may send an event now. Two CPUs at once can send one more. */
static __always_inline bool may_send(__u32 slot, __u64 now)
{
	__u64 *due = bpf_map_lookup_elem(&slow_due, &slot);

	if (!due || *due > now + SLOW_BURST_NS)
		return false;
	*due = (*due > now ? *due : now) + SLOW_INTERVAL_NS;
	return true;
}

struct slow_operation {
	struct target target;
	const struct start *start;
	const struct parts *parts;
	__u64 ns;
	__s64 ret;
	__s64 copied;
	enum op op;
};

/* Not inlined, so that clang describes struct slow_event in BTF. */
static __noinline void write_event(struct slow_event *event, const struct slow_operation *is)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = is->start->ns + is->ns;
	event->duration_ns = is->ns;
	event->cgroup_id = is->start->cgroup_id;
	event->ret = is->ret;
	event->offset = is->target.offset;
	event->copied = is->copied;
	event->op = is->op;
	event->parts = *is->parts;
	write_process(event);
}

/* Whether the event is sent or counted as lost; else the path needs more room. */
static __always_inline bool send_within(__u32 room, bool is_last, const struct slow_operation *is)
{
	struct slow_event *event = bpf_ringbuf_reserve(&slow_events, sizeof(*event) + room, 0);

	if (!event) {
		__sync_fetch_and_add(&slow_counters.lost, 1);
		return true;
	}
	write_event(event, is);
	if (!write_path(event, room, &is->target) && !is_last) {
		bpf_ringbuf_discard(event, 0);
		return false;
	}
	__sync_fetch_and_add(&slow_counters.told, 1);
	bpf_ringbuf_submit(event, 0);
	return true;
}

/* Copies are a part of the operation that caused them, which none of the followed ones is for these two. */
static __always_inline bool is_on_its_own(enum op op)
{
	return op < OP_COPY_UP_OPEN || op == OP_COPY_UP_XATTR || op == OP_COPY_UP_OTHER;
}

static __noinline void tell_slow(enum op op, const struct start *start, __u64 ns, __s64 ret, const struct parts *parts)
{
	struct thread *thread = thread_record(false);
	struct slow_operation is = {{.offset = UNKNOWN}, start, parts, ns, ret, UNKNOWN, op};

	/* What was only submitted has not ended. */
	if (!thread || ret == -EIOCBQUEUED || !is_on_its_own(op))
		return;
	if (!may_send(slot_of(start->cgroup_id, &thread->slot), start->ns + ns)) {
		__sync_fetch_and_add(&slow_counters.left_out, 1);
		return;
	}
	if (thread->copied_ns >= start->ns)
		is.copied = thread->copied;
	if (config.untyped_loads)
		find_target(op, start, ret, &is.target);
	if (!send_within(SHORT_NAMES, false, &is))
		send_within(LONG_NAMES, true, &is);
}

/* An operation has ended. Below the threshold it costs this comparison. */
static __always_inline void look_at(enum op op, struct thread *thread, const struct start *start, __u64 ns, __s64 ret,
                                    const struct parts *parts)
{
	if (!slow.threshold_ns)
		return;
	if (op >= OP_COPY_UP_OPEN && ret >= 0) {
		thread->copied_ns = start->ns;
		thread->copied = ret;
	}
	if (ns >= slow.threshold_ns)
		tell_slow(op, start, ns, ret, parts);
}

#endif
