/* SPDX-License-Identifier: GPL-3.0-only */
/* Copy-up on overlayfs: a part of the operation that causes it. */
#ifndef FLOATIE_COPY_UP_H
#define FLOATIE_COPY_UP_H

#endif
