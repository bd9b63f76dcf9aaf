// SPDX-License-Identifier: GPL-3.0-only
/*
 * overlayfs.bpf.c with bpf_rdonly_cast (Linux 6.2), which makes plain loads of reads through untyped pointers. It is an
 * object of its own: where the kernel lacks a kfunc, libbpf 1.1 looks for it in the BTF of modules, and loads nothing
 * of the object without CAP_SYS_ADMIN.
 */
#define TYPED_LOADS
#include "overlayfs.bpf.c"
