/* SPDX-License-Identifier: GPL-3.0-only */
/*
 * System calls on files: their numbers on each architecture, and how their arguments show the file.
 * 32-bit programs on a 64-bit kernel use another table of numbers, so the kind of each call is checked first.
 */
#ifndef FLOATIE_SYSCALLS_H
#define FLOATIE_SYSCALLS_H

/* How a call shows what it works on, with the numbers of the arguments that do. */
enum shown {
	NOT_FOLLOWED,
	FILE_0,    /* a descriptor of a regular file */
	OWN_0,     /* a descriptor of a regular file or a directory */
	ANY_0,     /* a descriptor of anything */
	FILES_0_1, /* two descriptors, one of a regular file */
	FILES_0_2,
	RETURNED, /* the descriptor that it returns */
	NAME_0,   /* a name in the working directory */
	NAME_1,
	NAMES_0_1, /* two names, one of them enough */
	NAME_0_1,  /* a directory's descriptor and a name in it */
	NAME_1_2,
	NAME_2_3,
	NAMES_0_1_2_3,
	MEANT_0_1_2, /* a descriptor without a name, or a name in it whose symbolic link is not followed; flags */
	MEANT_0_1_3,
	MEANT_0_1_4,
};

/* The limit of the numbers. */
#define SYSCALLS_MAX 512

/* In place of the number of a call that an architecture does not have; another one each time, above the limit. */
#define ABSENT     (SYSCALLS_MAX + __COUNTER__)
#define ABSENT_MAX 128

/*
 * Each call, its operation, how it shows its file, and its numbers: arch/x86/entry/syscalls/syscall_64.tbl and
 * syscall_32.tbl, include/uapi/asm-generic/unistd.h and arch/arm/tools/syscall.tbl.
 */
/* clang-format off */
#define SYSCALLS(ROW) \
	/*  name               operation      shown by        x86-64    i386   arm64     arm */ \
	ROW(read,              OP_READ,       FILE_0,             0,      3,     63,      3) \
	ROW(pread64,           OP_READ,       FILE_0,            17,    180,     67,    180) \
	ROW(readv,             OP_READ,       FILE_0,            19,    145,     65,    145) \
	ROW(preadv,            OP_READ,       FILE_0,           295,    333,     69,    361) \
	ROW(preadv2,           OP_READ,       FILE_0,           327,    378,    286,    392) \
	ROW(write,             OP_WRITE,      FILE_0,             1,      4,     64,      4) \
	ROW(pwrite64,          OP_WRITE,      FILE_0,            18,    181,     68,    181) \
	ROW(writev,            OP_WRITE,      FILE_0,            20,    146,     66,    146) \
	ROW(pwritev,           OP_WRITE,      FILE_0,           296,    334,     70,    362) \
	ROW(pwritev2,          OP_WRITE,      FILE_0,           328,    379,    287,    393) \
	ROW(sendfile,          OP_SPLICE,     FILES_0_1,         40,    187,     71,    187) \
	ROW(sendfile64,        OP_SPLICE,     FILES_0_1,     ABSENT,    239, ABSENT,    239) \
	ROW(splice,            OP_SPLICE,     FILES_0_2,        275,    313,     76,    340) \
	ROW(copy_file_range,   OP_COPY_RANGE, FILES_0_2,        326,    377,    285,    391) \
	ROW(fsync,             OP_SYNC,       OWN_0,             74,    118,     82,    118) \
	ROW(fdatasync,         OP_SYNC,       OWN_0,             75,    148,     83,    148) \
	ROW(syncfs,            OP_SYNC,       ANY_0,            306,    344,    267,    373) \
	ROW(open,              OP_OPEN,       RETURNED,           2,      5, ABSENT,      5) \
	ROW(openat,            OP_OPEN,       RETURNED,         257,    295,     56,    322) \
	ROW(openat2,           OP_OPEN,       RETURNED,         437,    437,    437,    437) \
	ROW(creat,             OP_OPEN,       RETURNED,          85,      8, ABSENT,      8) \
	ROW(open_by_handle_at, OP_OPEN,       RETURNED,         304,    342,    265,    371) \
	ROW(fstat,             OP_STAT,       ANY_0,              5,    108,     80,    108) \
	ROW(fstat64,           OP_STAT,       ANY_0,         ABSENT,    197, ABSENT,    197) \
	ROW(statx,             OP_STAT,       MEANT_0_1_2,      332,    383,    291,    397) \
	ROW(newfstatat,        OP_STAT,       MEANT_0_1_3,      262, ABSENT,     79, ABSENT) \
	ROW(fstatat64,         OP_STAT,       MEANT_0_1_3,   ABSENT,    300, ABSENT,    327) \
	ROW(getdents,          OP_READDIR,    OWN_0,             78,    141, ABSENT,    141) \
	ROW(getdents64,        OP_READDIR,    OWN_0,            217,    220,     61,    217) \
	ROW(mkdir,             OP_CREATE,     NAME_0,            83,     39, ABSENT,     39) \
	ROW(mkdirat,           OP_CREATE,     NAME_0_1,         258,    296,     34,    323) \
	ROW(mknod,             OP_CREATE,     NAME_0,           133,     14, ABSENT,     14) \
	ROW(mknodat,           OP_CREATE,     NAME_0_1,         259,    297,     33,    324) \
	ROW(symlink,           OP_CREATE,     NAME_1,            88,     83, ABSENT,     83) \
	ROW(symlinkat,         OP_CREATE,     NAME_1_2,         266,    304,     36,    331) \
	ROW(link,              OP_CREATE,     NAME_1,            86,      9, ABSENT,      9) \
	ROW(linkat,            OP_CREATE,     NAME_2_3,         265,    303,     37,    330) \
	ROW(unlink,            OP_REMOVE,     NAME_0,            87,     10, ABSENT,     10) \
	ROW(unlinkat,          OP_REMOVE,     NAME_0_1,         263,    301,     35,    328) \
	ROW(rmdir,             OP_REMOVE,     NAME_0,            84,     40, ABSENT,     40) \
	ROW(rename,            OP_RENAME,     NAMES_0_1,         82,     38, ABSENT,     38) \
	ROW(renameat,          OP_RENAME,     NAMES_0_1_2_3,    264,    302,     38,    329) \
	ROW(renameat2,         OP_RENAME,     NAMES_0_1_2_3,    316,    353,    276,    382) \
	ROW(fchmod,            OP_SETATTR,    ANY_0,             91,     94,     52,     94) \
	ROW(fchmodat2,         OP_SETATTR,    MEANT_0_1_3,      452,    452,    452,    452) \
	ROW(fchown,            OP_SETATTR,    ANY_0,             93,     95,     55,     95) \
	ROW(fchown32,          OP_SETATTR,    ANY_0,         ABSENT,    207, ABSENT,    207) \
	ROW(fchownat,          OP_SETATTR,    MEANT_0_1_4,      260,    298,     54,    325) \
	ROW(utimensat,         OP_SETATTR,    MEANT_0_1_3,      280,    320,     88,    348) \
	ROW(utimensat_time64,  OP_SETATTR,    MEANT_0_1_3,   ABSENT,    412, ABSENT,    412) \
	ROW(ftruncate,         OP_SETATTR,    FILE_0,            77,     93,     46,     93) \
	ROW(ftruncate64,       OP_SETATTR,    FILE_0,        ABSENT,    194, ABSENT,    194) \
	ROW(fallocate,         OP_ALLOCATE,   FILE_0,           285,    324,     47,    352)
/* clang-format on */

#if defined(__TARGET_ARCH_x86)

#define NATIVE(name, op, shown, x86_64, i386, arm64, arm) [x86_64] = {op, shown},
#define COMPAT(name, op, shown, x86_64, i386, arm64, arm) [i386] = {op, shown},

/* TS_COMPAT, arch/x86/include/asm/thread_info.h */
#define COMPAT_FIELD status
#define COMPAT_BIT   0x2

#elif defined(__TARGET_ARCH_arm64)

#define NATIVE(name, op, shown, x86_64, i386, arm64, arm) [arm64] = {op, shown},
#define COMPAT(name, op, shown, x86_64, i386, arm64, arm) [arm] = {op, shown},

/* TIF_32BIT, arch/arm64/include/asm/thread_info.h */
#define COMPAT_FIELD                                      flags
#define COMPAT_BIT                                        (1 << 22)

#endif

struct syscall {
	__u8 op;
	__u8 shown;
};

/* By number: of native calls, and of those of 32-bit programs. */
static const struct syscall syscalls[2][SYSCALLS_MAX + ABSENT_MAX] = {
	{SYSCALLS(NATIVE)},
	{SYSCALLS(COMPAT)},
};

static __always_inline struct syscall syscall_of(__u64 nr, bool compat)
{
	if (nr >= SYSCALLS_MAX)
		return (struct syscall){0, NOT_FOLLOWED};
	return syscalls[compat][nr];
}

static __always_inline int syscall_nr(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

/* The first argument, which the registers still hold at the exit. */
static __always_inline __u32 syscall_fd(struct pt_regs *regs, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	return compat ? regs->bx : regs->di;
#else
	return regs->orig_x0;
#endif
}

/* The arguments at the entry, as far as the table names them. */
struct arguments {
	__u64 args[5];
};

static __always_inline struct arguments syscall_arguments(struct pt_regs *regs, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	if (compat)
		return (struct arguments){{regs->bx, regs->cx, regs->dx, regs->si, regs->di}};
	return (struct arguments){{regs->di, regs->si, regs->dx, regs->r10, regs->r8}};
#else
	return (struct arguments){{regs->orig_x0, regs->regs[1], regs->regs[2], regs->regs[3], regs->regs[4]}};
#endif
}

static __always_inline __u64 syscall_id(long nr, bool compat, __u32 fd)
{
	return (__u64)fd << 32 | (__u64)compat << 31 | (__u32)nr;
}

#endif
