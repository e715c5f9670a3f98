/*
 * LD_PRELOAD: code of an attacker inside the front, or inside the core.  When it receives a request for /take-over/ (the front),
 * or for /take-over/core (the core, by the control socket), it tries what must not be possible there, and writes a line to
 * stderr for each: "take-over: WHAT: got it" or "take-over: WHAT: ERROR".
 *
 * $TAKE_OVER: the state directory, and behind a colon the control socket.  /take-over/lies also says on each socket to our
 * own processes what must not be said: a request that claims to come from the control socket, and rubbish.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum keeper_op {
#define OP(name, lane, who, question, answer) KEEPER_##name,
#include "keeper/proto.def"
#undef OP
};
#define KEEPER_HEADER 6
#define KEEPER_MESSAGE_MAX (128 * 1024)

static char state[200], control[200];
static pid_t core;	/* from the front */
static bool in_core;

/* Before main(), with its arguments: what is remembered is what an attacker would know. */
__attribute__((constructor)) static void begin(int argc, char **argv)
{
	const char *set = getenv("TAKE_OVER"), *colon = set ? strchr(set, ':') : NULL;

	in_core = argc == 3 && !strcmp(argv[1], "-f");
	if (!colon || (!in_core && strcmp(argv[0], "certerad-front")))
		return;
	snprintf(state, sizeof(state), "%.*s", (int)(colon - set), set);
	snprintf(control, sizeof(control), "%s", colon + 1);
	core = getppid();
}

static void say(const char *what, long result)
{
	char line[200];
	int len = result >= 0 ? snprintf(line, sizeof(line), "take-over: %s: got it\n", what) :
				snprintf(line, sizeof(line), "take-over: %s: %s\n", what, strerror(errno));

	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}

static void try_file(const char *what, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", state, name);
	say(what, open(path, O_RDONLY | O_CLOEXEC));
}

static void try_files(void)
{
	char path[64];

	try_file("master key", "keeper/master.key");
	try_file("store", "store/data.mdb");
	try_file("state directory", "");
	say("any file", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	say("new file", open("/tmp/take-over", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)core);
	say("memory of the core as a file", open(path, O_RDWR | O_CLOEXEC));
}

static void try_processes(void)
{
	char byte, *const argv[] = { (char *)"true", NULL };
	struct iovec here = { &byte, 1 }, there = { (void *)begin, 1 };
	pid_t child;

	say("exec", execv("/bin/true", argv));
	child = fork();
	if (child == 0)
		_exit(0);
	say("fork", child);
	say("ptrace", ptrace(PTRACE_ATTACH, core, NULL, NULL));
	say("memory of the core", process_vm_readv(core, &here, 1, &there, 1, 0));
	say("signal", kill(core, SIGTERM));
	say("being dumped", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	say("new code", mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
}

static void try_network(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	int pair[2];

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", control);
	say("socket to connect out", socket(AF_INET, SOCK_STREAM, 0));
	say("socket for the control socket", socket(AF_UNIX, SOCK_STREAM, 0));
	say("packets to addresses", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	for (int fd = 3; fd < 64; fd++) {
		if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
			say("control socket", 0);
		if (sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&in, sizeof(in)) == 1)
			say("connection by its first bytes", 0);
	}
}

/* A GET of the page of all keys, from the control socket's face, which is no face of the front's. */
static const unsigned char forged[] = {
	0, 0, 0, 31, 1, 0, 0, 255, 255, 2, 0, 0, 4, 0, 80, 127, 0, 0, 1, 1, 0, 0, 12, '/', 'a', 'p', 'i', '/', 'v', '1', '/', 'k', 'e', 'y', 's',
};

static void lie(void)
{
	char rubbish[300];

	memset(rubbish, 0xee, sizeof(rubbish));
	for (int fd = 3; fd < 64; fd++) {
		int domain = 0, type = 0;
		socklen_t len = sizeof(domain);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_UNIX ||
		    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
			continue;
		if (type == SOCK_STREAM)
			send(fd, forged, sizeof(forged), MSG_NOSIGNAL | MSG_DONTWAIT);
		send(fd, rubbish, sizeof(rubbish), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

/*
 * In the core.
 */

static __thread int keeper_fd = -1;	/* this thread's channel */
static unsigned char asked[KEEPER_MESSAGE_MAX];		/* the last question for a private key */
static size_t asked_len;

/* What the core itself asks for, with an API key, an attacker can see. */
ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static ssize_t (*real)(int, const struct msghdr *, int);
	const unsigned char *question = msg->msg_iovlen ? msg->msg_iov->iov_base : NULL;

	if (!real)
		real = (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
	if (in_core && msg->msg_iovlen == 1 && msg->msg_iov->iov_len > KEEPER_HEADER)
		keeper_fd = fd;	/* a desk's thread sends to nobody else like this */
	if (in_core && keeper_fd == fd && question[4] == KEEPER_key_export) {
		asked_len = msg->msg_iov->iov_len;
		memcpy(asked, question, asked_len);
	}
	return real(fd, msg, flags);
}

static pid_t keeper(void)
{
	char path[64], name[32] = "";
	pid_t found = 0;

	for (pid_t pid = getpid(); !found && pid < getpid() + 200; pid++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		f = fopen(path, "r");
		if (f && fgets(name, sizeof(name), f) && !strcmp(name, "certerad-keeper\n"))
			found = pid;
		if (f)
			fclose(f);
	}
	return found;
}

/* A connection of our own to a socket of our own, as if a local administrator were there. */
static int own_connection(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/store/own", state);
	if (bind(listener, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(listener, 1) < 0 ||
	    connect(client, (struct sockaddr *)&un, sizeof(un)) < 0)
		return -1;
	return accept(listener, NULL, NULL);
}

/* Of the last question for a private key: field `nth` behind the header, its length; NULL: there is none. */
static const unsigned char *asked_field(unsigned nth, uint32_t *len)
{
	const unsigned char *at = asked + KEEPER_HEADER;

	for (unsigned i = 0; at + 4 < asked + asked_len; i++, at += 4 + *len + 1) {
		memcpy(len, at, 4);
		*len = ntohl(*len);
		if (i == nth)
			return at + 4;
	}
	return NULL;
}

static unsigned char packet[KEEPER_MESSAGE_MAX];
static size_t packet_len;

static void packet_begin(enum keeper_op op)
{
	memcpy(packet, "\xff\xff\xff\xfe", 4);
	packet[4] = (unsigned char)op;
	packet[5] = 0;
	packet_len = KEEPER_HEADER;
}

static void packet_add(const void *field, size_t len)
{
	uint32_t wire = htonl((uint32_t)len);

	memcpy(packet + packet_len, &wire, 4);
	memcpy(packet + packet_len + 4, field, len);
	packet[packet_len + 4 + len] = 0;
	packet_len += 4 + len + 1;
	packet[5]++;
}

/* 1: it did as it was told; 0: it refused; -1: nobody was asked. */
static int packet_ask(int proof_fd)
{
	static unsigned char answer[KEEPER_MESSAGE_MAX];
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { packet, packet_len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (proof_fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
							 .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &proof_fd, sizeof(int));
	}
	if (keeper_fd < 0 || sendmsg(keeper_fd, &msg, MSG_NOSIGNAL) < 0)
		return -1;
	do {
		struct iovec in = { answer, sizeof(answer) };
		struct msghdr got = { .msg_iov = &in, .msg_iovlen = 1 };

		if (poll(&(struct pollfd){ .fd = keeper_fd, .events = POLLIN }, 1, 10000) <= 0 ||
		    recvmsg(keeper_fd, &got, 0) < KEEPER_HEADER)
			return -1;
	} while (memcmp(answer, packet, 4));
	return answer[4] == 0;
}

/* Says whether the keeper did as it was told. */
static void try_keeper(const char *what, int proof_fd)
{
	int done = packet_ask(proof_fd);

	errno = EACCES;
	say(done ? (done < 0 ? "nobody to ask" : what) : what, done ? 0 : -1);
}

static void try_export(const char *what, const char *proof, int proof_fd)
{
	packet_begin(KEEPER_key_export);
	for (unsigned i = 0; i < 5; i++) {
		uint32_t len = 0;
		const unsigned char *field = asked_field(i, &len);

		if (i == 3)
			packet_add(proof, strlen(proof));
		else
			packet_add(field, field ? len : 0);
	}
	try_keeper(what, proof_fd);
}

static void try_user(const char *what, const char *proof, int proof_fd)
{
	static const char role[] = "administrator", password[] = "correct horse battery staple";

	packet_begin(KEEPER_user_new);
	packet_add(role, strlen(role));
	packet_add(password, strlen(password));
	packet_add(proof, strlen(proof));
	try_keeper(what, proof_fd);
}

static void try_core(void)
{
	int own = own_connection();
	char path[64], byte;
	struct iovec here = { &byte, 1 }, there = { (void *)begin, 1 };
	char *const argv[] = { (char *)"true", NULL };
	pid_t its = keeper(), child;

	try_file("master key", "keeper/master.key");
	try_file("directory of the keeper", "keeper");
	say("new file", open("/tmp/take-over", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)its);
	say("memory of the keeper as a file", its ? open(path, O_RDWR | O_CLOEXEC) : 0);
	say("exec", execv("/bin/true", argv));
	child = fork();
	if (child == 0)
		_exit(0);
	say("fork", child);
	say("ptrace", ptrace(PTRACE_ATTACH, its, NULL, NULL));
	say("memory of the keeper", process_vm_readv(its, &here, 1, &there, 1, 0));
	say("signal", kill(its, SIGKILL));
	say("another user", setuid(0));
	try_export("private key by an own connection", "peer", own);
	try_export("private key by a guess", "cak_0000000000000000000000000000000000000000000", -1);
	try_user("administrator by an own connection", "peer", own);
	try_user("administrator by a guess", "cst_0000000000000000000000000000000000000000000", -1);
	packet_begin(KEEPER_setup_open);
	try_keeper("token of the first user", -1);
	say("end", 0);
}

/*
 * What is mapped writable and not the front's alone: the counters.
 */

static void *shared;
static size_t shared_size;

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	static void *(*real)(void *, size_t, int, int, int, off_t);
	void *p;

	if (!real)
		real = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
	p = real(at, size, protection, flags, fd, offset);
	if (p != MAP_FAILED && flags & MAP_SHARED && protection & PROT_WRITE) {
		shared = p;
		shared_size = size;
	}
	return p;
}

static void scribble(void)
{
	say("scribbled over what is shared", shared ? 0 : -1);
	if (shared)
		memset(shared, 0xff, shared_size);
}

/* The front's way of receiving, and that of the control socket. */
ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	static ssize_t (*real)(int, void *, size_t, int);
	ssize_t got;

	if (!real)
		real = (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
	got = real(fd, buf, size, flags);
	if (got <= 0 || !core || !memmem(buf, (size_t)got, "/take-over/", 11))
		return got;
	if (in_core) {
		if (memmem(buf, (size_t)got, "GET /take-over/core", 19))
			try_core();
		return got;
	}
	if (memmem(buf, (size_t)got, "/take-over/scribble", 19)) {
		scribble();
		return got;
	}
	if (memmem(buf, (size_t)got, "/take-over/lies", 15)) {
		lie();
		return got;
	}
	try_files();
	try_processes();
	try_network();
	say("end", 0);
	return got;
}
