/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * Histograms and counters by cgroup, in memory that user space maps: for every program that counts by cgroup. The other
 * side is src/receivers/histograms.ts; a test compares both through BTF.
 *
 * A block of cells has the counts of one operation of one cgroup: first the counters that the program defines, then
 * bound_count + 1 buckets; the last bucket is for values above the last bound.
 *
 * A cgroup has a slot, and a slot has a row for each operation. The first operation of a row claims a block, which all
 * CPUs share. CPUs that work a lot on it claim spare blocks beside it, so that they do not wait for each other's cache
 * lines. The counts of a row are the sums over all its blocks. When no spare block is left, CPUs share the first one:
 * slower, and as exact. When no first block is left, the operation is counted in the row of the overflow slot, whose
 * blocks user space has claimed: block 1 + op.
 */
#ifndef FLOATIE_HISTOGRAMS_H
#define FLOATIE_HISTOGRAMS_H

/* Bucket bounds that a program can hold. */
#define MAX_BOUNDS 512

/* More CPUs share shards. Adds are atomic, so sharing costs only time. */
#define MAX_SHARDS 16

/* One operation in this many claims a spare block for its shard, so that who does little leaves them to others. */
#define CLAIM_EVERY 64

/* Slot 0 counts every cgroup without a slot of its own. */
#define OVERFLOW_SLOT 0

/* Read-only in the kernel, written before loading. */
struct grid {
	__u64 bounds_ns[MAX_BOUNDS]; /* ascending, inclusive upper bounds */
	__u32 bound_count;
	__u32 shard_mask;  /* shards - 1, shards being a power of two */
	__u32 operations;  /* rows of a slot */
	__u32 block_cells; /* counters + bound_count + 1, rounded up to a cache line */
};

/* Of a row: the block that each shard keeps; 0: none yet. The first block is kept at the shard row & shard_mask. */
struct shard_blocks {
	__u32 blocks[MAX_SHARDS];
};

/* A cgroup's place in the cells. cgroup_id 0: free, or not announced yet. */
struct slot {
	__u64 cgroup_id;
	__u64 born_ns; /* CLOCK_MONOTONIC */
};

struct slot_counters {
	__u64 taken; /* written by the kernel */
	__u64 given; /* written by user space: what it pushed to free_slots */
};

/* Blocks that nobody has, one after the other. */
struct run {
	__u32 first;
	__u32 count;
};

struct block_pool {
	__u64 is_empty; /* set by the kernel; cleared by user space when it pushes to free_blocks */
};

const volatile struct grid grid SEC(".rodata.grid");
struct slot_counters slot_counters SEC(".data.slots");
struct block_pool block_pool SEC(".data.blocks");

/* User space sets the sizes of these maps before loading, from the configuration. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shard_blocks);
} shard_blocks SEC(".maps");

/* For each block that is in use, 1 + the number of its row. Block 0 does not exist. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, struct run);
} free_blocks SEC(".maps");

/* Apart from the others, so that CPUs that work a lot take no cgroup's first block. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, struct run);
} spare_blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} slot_by_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_slots SEC(".maps");

/*
 * Wakes user space, which names a new cgroup while it exists. Its records say nothing: the slots have it all. A record
 * that finds no room is not needed: others have woken it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} new_cgroups SEC(".maps");

/* A slot for a new cgroup; OVERFLOW_SLOT when none is free. */
static __noinline __u32 claim_slot(__u64 cgroup_id)
{
	__u32 slot = OVERFLOW_SLOT;

	/* Avoids the queue's lock when the queue is surely empty. */
	if (slot_counters.taken >= slot_counters.given)
		return OVERFLOW_SLOT;
	if (bpf_map_pop_elem(&free_slots, &slot))
		return OVERFLOW_SLOT;
	__sync_fetch_and_add(&slot_counters.taken, 1);

	long failed = bpf_map_update_elem(&slot_by_cgroup, &cgroup_id, &slot, BPF_NOEXIST);

	if (!failed) {
		struct slot *place = bpf_map_lookup_elem(&slots, &slot);

		if (place) {
			place->born_ns = bpf_ktime_get_ns();
			__sync_fetch_and_add(&place->cgroup_id, cgroup_id);
		}
		bpf_ringbuf_output(&new_cgroups, &slot, sizeof(slot), 0);
		return slot;
	}

	/* Another CPU has claimed a slot for this cgroup meanwhile. */
	bpf_map_push_elem(&free_slots, &slot, 0);
	__sync_fetch_and_add(&slot_counters.taken, -1);

	__u32 *known = bpf_map_lookup_elem(&slot_by_cgroup, &cgroup_id);

	return known ? *known : OVERFLOW_SLOT;
}

/* The cgroup's slot. hint points to the slot that the caller found last. */
static __always_inline __u32 slot_of(__u64 cgroup_id, __u32 *hint)
{
	__u32 last = *hint;
	struct slot *place = bpf_map_lookup_elem(&slots, &last);

	if (last != OVERFLOW_SLOT && place && place->cgroup_id == cgroup_id)
		return last;

	__u32 *known = bpf_map_lookup_elem(&slot_by_cgroup, &cgroup_id);

	return *hint = known ? *known : claim_slot(cgroup_id);
}

/* A block of a queue; 0 when none is left, or when other CPUs hold the last runs. */
static __always_inline __u32 take_block(void *queue)
{
	struct run run;

	if (bpf_map_pop_elem(queue, &run))
		return 0;
	if (run.count > 1) {
		struct run rest = {run.first + 1, run.count - 1};

		bpf_map_push_elem(queue, &rest, 0);
	}
	return run.first;
}

/*
 * The block for a shard that keeps none yet. Two tasks may claim for the same row or shard at once: then both blocks
 * are read, and all go on with the one that was written last.
 */
static __noinline __u32 claim_block(__u32 row, __u32 shard, __u64 ns)
{
	struct shard_blocks *kept = bpf_map_lookup_elem(&shard_blocks, &row);
	__u32 common = row & grid.shard_mask & (MAX_SHARDS - 1);
	__u32 block, first;
	__u64 *owner;

	if (!kept)
		return 0;
	first = kept->blocks[common];
	if (first) {
		block = ns % CLAIM_EVERY ? 0 : take_block(&spare_blocks);
		if (!block)
			return first;
	} else {
		/* Avoids the queue's lock when the queue is surely empty. */
		block = block_pool.is_empty ? 0 : take_block(&free_blocks);
		if (!block) {
			block_pool.is_empty = 1;
			return 1 + row % grid.operations;
		}
		shard = common;
	}
	owner = bpf_map_lookup_elem(&owners, &block);
	if (owner)
		*owner = row + 1ULL;
	kept->blocks[shard & (MAX_SHARDS - 1)] = block;
	return block;
}

/* The first cell of the block for an operation. Its duration serves as a random number. */
static __always_inline __u32 cells_of(__u32 slot, __u32 op, __u64 ns)
{
	__u32 row = slot * grid.operations + op;
	__u32 shard = bpf_get_smp_processor_id() & grid.shard_mask & (MAX_SHARDS - 1);
	struct shard_blocks *kept = bpf_map_lookup_elem(&shard_blocks, &row);
	__u32 block = kept ? kept->blocks[shard] : 0;

	return (block ?: claim_block(row, shard, ns)) * grid.block_cells;
}

static __always_inline void add(__u32 index, __u64 amount)
{
	__u64 *cell = bpf_map_lookup_elem(&cells, &index);

	if (cell)
		__sync_fetch_and_add(cell, amount);
}

/* The first bucket whose inclusive upper bound is at least ns. */
static __always_inline __u32 bucket_of(__u64 ns)
{
	__u32 at = 0;

#pragma unroll
	for (__u32 step = MAX_BOUNDS / 2; step; step /= 2) {
		if (step > grid.bound_count)
			continue;
		__u32 next = at + step;

		if (next <= grid.bound_count && grid.bounds_ns[(next - 1) & (MAX_BOUNDS - 1)] < ns)
			at = next;
	}
	return at;
}

#endif
