/*
 * The image's "floatie" command: starts Node on Floatie with those of the container's capabilities that Floatie can use,
 * also for a user who is not root. To such a user Docker's --cap-add gives nothing; this file carries the capabilities
 * itself, as merely permitted ones, so that it starts where some or all of them were not added, too. What is permitted
 * becomes ambient, which Node, an ordinary file, inherits.
 */
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODE "/opt/floatie/bin/node"
#define MAIN "/opt/floatie/dist/main.js"

static void keep_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, sets) != 0)
		return;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].inheritable = sets[i].permitted;
	if (syscall(SYS_capset, &header, sets) != 0)
		return;
	/* Those that are not permitted are refused. */
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}

int main(int argc, char *argv[])
{
	char *args[argc + 2];

	args[0] = "floatie";
	args[1] = MAIN;
	for (int i = 1; i <= argc; i++)
		args[i + 1] = argv[i];
	/* Without capabilities Floatie still runs, and says what it lacks. */
	keep_capabilities();
	execv(NODE, args);
	perror(NODE);
	return 126;
}
