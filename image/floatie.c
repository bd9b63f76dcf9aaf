/*
 * The image's "floatie" command: starts Node on Floatie with those of the container's capabilities that Floatie can
 * use, also for a user who is not root. To such a user Docker's --cap-add gives nothing; this file carries the
 * capabilities itself, as merely permitted ones, so that it starts where some or all of them were not added, too. What
 * is permitted becomes ambient, which Node, an ordinary file, inherits.
 *
 * With ambient capabilities the kernel does not tell Node and the loader to distrust their environment, and many a
 * variable of theirs names code to load (NODE_OPTIONS, LD_PRELOAD, OPENSSL_CONF). So only variables that Floatie itself
 * reads are passed on, and those that FLOATIE_ENV lists for ${env:NAME} in the configuration.
 */
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODE "/opt/floatie/bin/node"
#define MAIN "/opt/floatie/dist/main.js"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

extern char **environ;

/* FLOATIE_ENV="NAME,NAME": what the configuration names as ${env:NAME}. */
#define MORE "FLOATIE_ENV="

/* A name that ends with "_" stands for all that begin with it. */
static const char *const passed[] = {
	"FLOATIE_",
	"OTEL_",
	"TZ",
	/* of Kubernetes' downward API, for the resource attribute k8s.node.name */
	"K8S_NODE_NAME",
	"NODE_NAME",
	/* of systemd and of service managers that do as it does */
	"NOTIFY_SOCKET",
	"WATCHDOG_USEC",
	"WATCHDOG_PID",
	"LISTEN_FDS",
	"LISTEN_FDNAMES",
	"LISTEN_PID",
	"http_proxy",
	"https_proxy",
	"no_proxy",
	"HTTP_PROXY",
	"HTTPS_PROXY",
	"NO_PROXY",
	"grpc_proxy",
	"no_grpc_proxy",
};

/* Of Node, of the loader and of what they load: never passed on, whatever FLOATIE_ENV says. */
static const char *const never[] = {
	"NODE_",  "UV_",     "LD_",  "OPENSSL_",    "SSL_",        "SSLKEYLOGFILE", "MALLOC_", "GLIBC_",
	"GCONV_", "LOCPATH", "RES_", "HOSTALIASES", "LOCALDOMAIN", "TMPDIR",        "HOME",    "PATH",
};

static bool is_listed(const char *name, size_t length, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(list[i]);

		if (length >= size && !strncmp(name, list[i], size) && (length == size || list[i][size - 1] == '_'))
			return true;
	}
	return false;
}

static bool is_named(const char *name, size_t length, const char *names)
{
	while (*names) {
		size_t size = strcspn(names, ",");

		if (size == length && !strncmp(name, names, size))
			return true;
		names += size + (names[size] == ',');
	}
	return false;
}

static void restrict_environment(void)
{
	const char *more = "";
	char **kept = environ;

	for (char **variable = environ; *variable; variable++)
		if (!strncmp(*variable, MORE, strlen(MORE)))
			more = *variable + strlen(MORE);
	for (char **variable = environ; *variable; variable++) {
		size_t length = strcspn(*variable, "=");

		bool is_asked = is_named(*variable, length, more) && !is_listed(*variable, length, never, COUNT(never));

		if (!strncmp(*variable, MORE, strlen(MORE)))
			continue;
		if (is_asked || is_listed(*variable, length, passed, COUNT(passed)))
			*kept++ = *variable;
	}
	*kept = NULL;
}

static void keep_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
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
	/* Nothing says that a program is given its own name. */
	if (argc < 1) {
		fputs("floatie: there is no argument 0\n", stderr);
		return 2;
	}

	char *args[argc + 3];

	args[0] = "floatie";
	/* Node would listen to debuggers after SIGUSR1. */
	args[1] = "--disable-sigusr1";
	args[2] = MAIN;
	for (int i = 1; i <= argc; i++)
		args[i + 2] = argv[i];
	restrict_environment();
	/* Without capabilities Floatie still runs, and says what it lacks. */
	keep_capabilities();
	execv(NODE, args);
	perror(NODE);
	return 126;
}
