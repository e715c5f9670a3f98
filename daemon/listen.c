#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/sd.h"

#define BACKLOG 1024

static const char *const face_names[] = { [FACE_HTTP] = "http", [FACE_HTTPS] = "https", [FACE_CONTROL] = "control" };

struct listener {
	int fd;
	enum webui_face face;
	int thread;		/* whose it is; -1: all threads share it */
	bool twin;		/* another thread's socket for the same address comes before it */
	struct address address;
};

struct listeners {
	struct listener *item;
	size_t count;
	int threads;
	bool given[ARRAY_SIZE(face_names)];	/* the face's sockets came from systemd */
	char *path;				/* of the Unix socket we made */
};

static struct listener *add(struct listeners *l, int fd, enum webui_face face, int thread)
{
	struct listener *new;

	l->item = xreallocarray(l->item, l->count + 1, sizeof(*l->item));
	new = &l->item[l->count++];
	*new = (struct listener){ .fd = fd, .face = face, .thread = thread, .address.len = sizeof(new->address.sa) };
	if (getsockname(fd, (struct sockaddr *)&new->address.sa, &new->address.len) < 0)
		new->address = (struct address){ .len = 0 };
	return new;
}

/* What connections inherit, and what our way of accepting needs. */
static void prepare(int fd, bool tcp)
{
	int on = 1;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));	/* else a handshake takes 40 ms */
}

static int face_by_name(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(face_names); i++)
		if (!strcmp(face_names[i], name))
			return (int)i;
	return -1;
}

static int take_given(struct listeners *l, struct err *e)
{
	struct sd_socket given[SD_SOCKETS_MAX];
	int count = sd_sockets(given);

	for (int i = 0; i < count; i++) {
		int face = face_by_name(given[i].name);

		if (face < 0) {
			err_set(e, ERR_CONFIG, "taking the sockets of systemd: number %d is named \"%s\"", i + 1,
				given[i].name);
			return err_hint(e, "Its socket unit needs FileDescriptorName=http, https or control.");
		}
		prepare(given[i].fd, face != FACE_CONTROL);
		add(l, given[i].fd, (enum webui_face)face, -1);
		l->given[face] = true;
	}
	return 0;
}

/* A bound socket, -1 with errno. */
static int bind_tcp(const struct address *a, bool share)
{
	int on = 1, off = 0;
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (a->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, address_any(a) ? &off : &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0)
		return fd;
	cleanup_close(&fd);
	return -1;
}

static int cannot_listen(const struct address *a, enum webui_face face, struct err *e)
{
	char text[ADDRESS_TEXT];

	err_errno(e, ERR_CONFIG, "listening on %s for %s", address_text(text, a), face_names[face]);
	if (errno == EADDRINUSE)
		return err_hint(e, "Another program has this port: stop it, or change listen.%s.", face_names[face]);
	if (errno == EACCES)
		return err_hint(e, "Ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE.");
	return -1;
}

/* "*" on a machine without IPv6. */
static struct address without_ipv6(const struct address *a)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&a->sa;
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = six->sin6_port };
	struct address four = { .len = sizeof(any) };

	memcpy(&four.sa, &any, sizeof(any));
	return four;
}

static int open_address(struct listeners *l, struct address a, enum webui_face face, struct err *e)
{
	/* A socket that is to be shared would also share with a stranger, so it is tried without first. */
	int fd = bind_tcp(&a, false);

	if (fd < 0 && errno == EAFNOSUPPORT && address_any(&a)) {
		a = without_ipv6(&a);
		fd = bind_tcp(&a, false);
	}
	if (fd < 0)
		return cannot_listen(&a, face, e);
	cleanup_close(&fd);
	for (int thread = 0; thread < l->threads; thread++) {
		fd = bind_tcp(&a, true);
		if (fd < 0)
			return cannot_listen(&a, face, e);
		prepare(fd, true);
		add(l, fd, face, thread)->twin = thread > 0;
		if (listen(fd, BACKLOG) < 0)
			return cannot_listen(&a, face, e);
	}
	return 0;
}

static int open_addresses(struct listeners *l, const struct config_addresses *addresses, enum webui_face face,
			  struct err *e)
{
	if (l->given[face])
		return 0;
	for (size_t i = 0; addresses && i < addresses->count; i++)
		if (open_address(l, addresses->item[i], face, e) < 0)
			return -1;
	return 0;
}

/* Removes a socket nobody answers on any more. */
static int clear_path(const struct sockaddr_un *sun, struct err *e)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(e, ERR_CONFIG, "making the control socket %s", sun->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_CONFIG, "making the control socket %s: something else is there", sun->sun_path);
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0) {
		err_set(e, ERR_CONFIG, "making the control socket %s: a program answers on it", sun->sun_path);
		return err_hint(e, "Is certerad running already?");
	}
	if (errno != ECONNREFUSED || unlink(sun->sun_path) < 0)
		return err_errno(e, ERR_CONFIG, "replacing the control socket %s", sun->sun_path);
	return 0;
}

static int give_to(const char *path, const char *user, struct err *e)
{
	const struct passwd *pw;

	if (!user || !*user || geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return err_set(e, ERR_CONFIG, "giving the control socket %s to user %s: there is no such user", path,
			       user);
	if (chown(path, pw->pw_uid, pw->pw_gid) < 0)
		return err_errno(e, ERR_CONFIG, "giving the control socket %s to user %s", path, user);
	return 0;
}

static int open_control(struct listeners *l, const char *path, const char *user, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, bound;

	if (!path || l->given[FACE_CONTROL])
		return 0;
	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path) >= sizeof(sun.sun_path))
		return err_set(e, ERR_CONFIG, "making the control socket %s: the path is longer than %zu bytes", path,
			       sizeof(sun.sun_path) - 1);
	if (clear_path(&sun, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, ERR_CONFIG, "making the control socket %s", path);
	mask = umask(0177);
	bound = bind(fd, (const struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	add(l, fd, FACE_CONTROL, 0);
	if (bound < 0)
		return err_errno(e, ERR_CONFIG, "making the control socket %s", path);
	l->path = xstrdup(path);
	if (listen(fd, BACKLOG) < 0)
		return err_errno(e, ERR_CONFIG, "listening on the control socket %s", path);
	return give_to(path, user, e);
}

/* Each connection takes one; the soft limit is often 1024. */
static void raise_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

struct listeners *listeners_open(const struct listen_options *o, struct err *e)
{
	struct listeners *l = xcalloc(1, sizeof(*l));

	raise_descriptors();
	l->threads = o->threads;
	if (take_given(l, e) == 0 && open_addresses(l, o->http, FACE_HTTP, e) == 0 &&
	    open_addresses(l, o->https, FACE_HTTPS, e) == 0 && open_control(l, o->control, o->user, e) == 0)
		return l;
	listeners_close(l);
	return NULL;
}

void listeners_close(struct listeners *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		cleanup_close(&l->item[i].fd);
	if (l->path)
		unlink(l->path);
	free(l->path);
	free(l->item);
	free(l);
}

size_t listeners_count(const struct listeners *l, enum webui_face face)
{
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++)
		count += l->item[i].face == face && !l->item[i].twin;
	return count;
}

int listeners_https_port(const struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->item[i].face == FACE_HTTPS)
			return address_port(&l->item[i].address);
	return 0;
}

int listeners_threads(const struct listeners *l)
{
	return l->threads;
}

char *listeners_text(const struct listeners *l)
{
	struct buf text = BUF_INIT;
	char address[ADDRESS_TEXT];

	for (size_t i = 0; i < l->count; i++) {
		const struct listener *one = &l->item[i];
		bool ours = one->face == FACE_CONTROL && l->path;

		if (!one->twin)
			buf_addf(&text, "%s%s on %s", text.len ? ", " : "", face_names[one->face],
				 ours ? l->path : address_text(address, &one->address));
	}
	return buf_detach(&text);
}

int listeners_fd(const struct listeners *l, int thread, size_t nth, enum webui_face *face)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct listener *one = &l->item[i];

		if ((one->thread >= 0 && one->thread != thread) || nth--)
			continue;
		*face = one->face;
		return one->fd;
	}
	return -1;
}
