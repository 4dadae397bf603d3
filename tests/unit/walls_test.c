// SPDX-License-Identifier: ISC
/*
 * Workers from inside: a worker of each kind is started as the runner starts it, and gets a job.
 * In place of its delivery it tries what a program would try that a stranger has taken over.
 */
#include "delivery/confine.h"

#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "aliases/find.h"
#include "base/landlock.h"
#include "base/seccomp.h"
#include "client/credential.h"
#include "client/secrets.h"
#include "net/tls.h"
#include "runner/frame.h"
#include "runner/worker.h"
#include "tests/unit/queue_fixture.h"

enum { MX = 1, LOGIN = 2, LMTP_SOCKET = 4, MAILDIR = 8, PRINT = 16, ALIASES = 32, OWNER = 64,
	ALL = 127 };

void __real_deliver(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
void __wrap_deliver(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

static struct fixture f;
static char id[QUEUE_ID_SIZE], authority[4096];
static uint32_t place;		/* of the recipient of the message */
static char other[80], boxes[80], box[100], secret_file[80], aliases_file[80], list_file[100],
    socket_file[80];
enum { HOST_PORT, SERVER_PORT, OTHER_PORT, PORTS };
static struct sockaddr_in listening[PORTS];
static bool ports_closed;		/* the kernel can do that */
static pid_t runner;
static int *results;			/* shared with the workers */

/* The worker's context and message. */
static const struct delivery *here;
static struct queue_entry *entry;

/* Each act returns 0 if it worked, or an errno. */

static int
try_open(int folder, const char *path, int flags)
{
	const int fd = openat(folder, path, flags | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static int
read_message_by_path(void)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/cur/%s", f.path, id);
	return try_open(AT_FDCWD, path, O_RDONLY);
}

static int
read_message_by_lock(void)
{
	return try_open(here->queue->lock, id, O_RDONLY);
}

static int
list_by_lock(void)
{
	char names[1024];

	return syscall(SYS_getdents64, here->queue->lock, names, sizeof names) < 0 ? errno : 0;
}

static int
unlock_queue(void)
{
	return syscall(SYS_flock, here->queue->lock, 8) < 0 ? errno : 0;
}

static int
reopen_message(void)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", entry->fd);
	return try_open(AT_FDCWD, path, O_RDWR);
}

static int
put_into_new(void)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/new/0123456789ABCDEF", f.path);
	return try_open(AT_FDCWD, path, O_WRONLY | O_CREAT);
}

static int
write_state(void)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/state/hosts", f.path);
	return try_open(AT_FDCWD, path, O_WRONLY | O_CREAT);
}

static int
read_passwd(void)
{
	return try_open(AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static int
read_memory(void)
{
	return try_open(AT_FDCWD, "/proc/self/mem", O_RDWR);
}

static int
read_secret(void)
{
	return try_open(AT_FDCWD, secret_file, O_RDONLY);
}

static int
ask_secret(void)
{
	struct credential c;
	char space[400];
	struct buf why = BUF(space);

	if (!here->aide)
		return ENOENT;
	return secrets_ask(here->aide, &c, &why) == 0 &&
	    slice_eq(buf_slice(&c.secret), SL("hunter2")) ? 0 : EBADMSG;
}

static int
know_hosts(void)
{
	return here->resolver->hosts.p ? 0 : ENOENT;
}

static int
read_authority(void)
{
	return try_open(AT_FDCWD, authority, O_RDONLY);
}

static int
write_authority(void)
{
	return try_open(AT_FDCWD, authority, O_WRONLY);
}

static int
write_box(void)
{
	return try_open(AT_FDCWD, box, O_WRONLY | O_CREAT);
}

static int
write_beside_boxes(void)
{
	return try_open(AT_FDCWD, other, O_WRONLY | O_CREAT);
}

static int
read_box(void)
{
	return try_open(AT_FDCWD, box, O_RDONLY);
}

static int
read_aliases(void)
{
	return try_open(AT_FDCWD, aliases_file, O_RDONLY);
}

static int
read_list(void)
{
	return try_open(AT_FDCWD, list_file, O_RDONLY);
}

static int
write_aliases(void)
{
	return try_open(AT_FDCWD, aliases_file, O_WRONLY);
}

static int
queue_copy(void)
{
	static struct queue_message m;
	struct queue_facts facts = { 0 };

	queue_begin(&m);
	queue_from(&m, SL(""), SL(""));
	queue_rcpt(here->queue, &m, SL("a@b.example"), SL(""));
	if (queue_head_end(here->queue, &m, 0) < 0 || queue_content(&m, SL("x\r\n")) < 0)
		return -m.error;
	return -queue_commit(here->queue, &m, &facts);
}

static int
mark_message(void)
{
	return -queue_mark(entry, 0, QUEUE_PENDING);
}

static int
note_message(void)
{
	return -queue_note(entry, SL("a line"));
}

static int
read_content(void)
{
	char octets[16];
	const ssize_t n = queue_read(entry, 0, octets, sizeof octets);

	return n < 0 ? (int)-n : 0;
}

/* The descriptors of a worker: 0 to 2, its socket, the lock, the message, and these. */
static int
have_few_descriptors(void)
{
	const bool queue = here->queue->tmp >= 0;
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n <= 6 + 2 * queue + (here->aide != NULL) ? 0 : EMFILE;
}

static int
execute(void)
{
	static char *argv[] = { NULL };

	return execve("/bin/true", argv, argv) < 0 ? errno : 0;
}

static int
execute_memory(void)
{
	static char *argv[] = { NULL };

	return syscall(SYS_execveat, 0, "", argv, argv, AT_EMPTY_PATH) < 0 ? errno : 0;
}

static int
make_process(void)
{
	const pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int
trace_runner(void)
{
	return ptrace(PTRACE_SEIZE, runner, NULL, NULL) < 0 ? errno : 0;
}

static int
read_runner(void)
{
	char octet;
	struct iovec to = { &octet, 1 }, from = { &f, 1 };

	return process_vm_readv(runner, &to, 1, &from, 1, 0) < 0 ? errno : 0;
}

static int
take_descriptor(void)
{
	const int pidfd = (int)syscall(SYS_pidfd_open, runner, 0);

	return pidfd < 0 || syscall(SYS_pidfd_getfd, pidfd, 0, 0) < 0 ? errno : 0;
}

static int
signal_runner(void)
{
	return kill(runner, 0) < 0 ? errno : 0;
}

static int
signal_thread(void)
{
	return syscall(SYS_tgkill, runner, runner, 0) < 0 ? errno : 0;
}

static int
signal_itself(void)
{
	return syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) < 0 ? errno : 0;
}

static int
try_socket(int family, int type, int protocol)
{
	const int fd = socket(family, type, protocol);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static int
socket_to_host(void)
{
	return try_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
socket_to_nameserver(void)
{
	return try_socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

/* Bind, and connect to a port of 127.0.0.1 where somebody listens. */
static int
connect_to_port(unsigned i)
{
	struct sockaddr_in to = listening[i], from = { .sin_family = AF_INET };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return errno;
	if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		r = errno;
	(void)close(fd);
	return r;
}

static int
connect_to_host(void)
{
	return connect_to_port(HOST_PORT);
}

static int
connect_to_nameserver(void)
{
	return connect_to_port(SERVER_PORT);
}

static int
connect_elsewhere(void)
{
	return ports_closed ? connect_to_port(OTHER_PORT) : EACCES;
}

static int
bind_to_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(2599) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!ports_closed || fd < 0)
		return EACCES;
	return bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ? errno : 0;
}

/* The data would go to a port that connect(2) refuses. */
static int
connect_with_data(void)
{
	const struct sockaddr_in *to = &listening[OTHER_PORT];
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	return sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)to, sizeof *to) < 0
	    ? errno : 0;
}

static int
socket_multipath(void)
{
	return try_socket(AF_INET, SOCK_STREAM, 262);
}

static int
socket_raw(void)
{
	return try_socket(AF_INET, SOCK_RAW, 6);
}

static int
socket_packet(void)
{
	return try_socket(AF_PACKET, SOCK_RAW, 0);
}

static int
socket_audit(void)
{
	return try_socket(AF_NETLINK, SOCK_RAW, 9);
}

static int
socket_pair(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ? errno : 0;
}

static int
listen_here(void)
{
	return syscall(SYS_listen, 0, 1) < 0 && errno == ENOSYS ? ENOSYS : 0;
}

static int
connect_to_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return errno;
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_file);
	r = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
	(void)close(fd);
	return r;
}

static int
map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED ? errno : 0;
}

static int
make_code(void)
{
	static _Alignas(4096) char page[4096];

	return mprotect(page, sizeof page, PROT_READ | PROT_WRITE | PROT_EXEC) < 0 ? errno : 0;
}

static int
new_namespace(void)
{
	return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

static int
new_ring(void)
{
	char params[256] = { 0 };

	return syscall(SYS_io_uring_setup, 1, params) < 0 ? errno : 0;
}

static int
be_dumpable(void)
{
	return syscall(SYS_prctl, 4, 1, 0, 0, 0) < 0 ? errno : 0;
}

static int
type_into_terminal(void)
{
	return syscall(SYS_ioctl, 0, 0x5412, "x") < 0 && errno == ENOSYS ? ENOSYS : 0;
}

static int
make_device(void)
{
	return syscall(SYS_mknodat, AT_FDCWD, other, 0600 | S_IFIFO, 0) < 0 ? errno : 0;
}

static int
change_mode(void)
{
	return syscall(SYS_fchmod, entry->fd, 0666) < 0 ? errno : 0;
}

static const struct act {
	const char *name;
	int (*run)(void);
	unsigned allowed;		/* the kinds that can */
} acts[] = {
	{ "reads the content of its message", read_content, ALL },
	{ "marks a recipient of its message", mark_message, ALL },
	{ "writes into the log of its message", note_message, ALL },
	{ "has no descriptor of others", have_few_descriptors, ALL },
	{ "opens a message by its path", read_message_by_path, 0 },
	{ "opens a message beneath the lock", read_message_by_lock, 0 },
	{ "lists the messages beneath the lock", list_by_lock, 0 },
	{ "gives up the lock", unlock_queue, 0 },
	{ "opens its own message again", reopen_message, 0 },
	{ "puts a file into new/", put_into_new, ALIASES },
	{ "queues a copy", queue_copy, ALIASES },
	{ "writes into state/", write_state, 0 },
	{ "reads /etc/passwd", read_passwd, 0 },
	{ "opens its memory as a file", read_memory, 0 },
	{ "reads the file of a password", read_secret, 0 },
	{ "gets the password of its route", ask_secret, LOGIN },
	{ "knows /etc/hosts", know_hosts, LOGIN },
	{ "reads the authorities", read_authority, MX | LOGIN | LMTP_SOCKET },
	{ "writes to the authorities", write_authority, 0 },
	{ "writes beneath the path of the route", write_box, MAILDIR },
	{ "reads beneath the path of the route", read_box, 0 },
	{ "writes beside the path of the route", write_beside_boxes, 0 },
	{ "reads an aliases file", read_aliases, ALIASES },
	{ "reads a list of an aliases file", read_list, ALIASES },
	{ "writes to an aliases file", write_aliases, 0 },
	{ "executes a program", execute, 0 },
	{ "executes a descriptor", execute_memory, 0 },
	{ "makes a process", make_process, 0 },
	{ "traces the runner", trace_runner, 0 },
	{ "reads the memory of the runner", read_runner, 0 },
	{ "takes a descriptor of the runner", take_descriptor, 0 },
	{ "sends the runner a signal", signal_runner, 0 },
	{ "sends a thread of the runner a signal", signal_thread, 0 },
	{ "sends itself a signal", signal_itself, ALL },
	{ "has a socket for hosts", socket_to_host, MX | LOGIN },
	{ "has a socket for the DNS", socket_to_nameserver, MX | LOGIN },
	{ "connects to a socket of this machine", connect_to_socket, LMTP_SOCKET },
	{ "connects to the port of its hosts", connect_to_host, MX | LOGIN },
	{ "connects to the port of a nameserver", connect_to_nameserver, MX | LOGIN },
	{ "connects to another port", connect_elsewhere, 0 },
	{ "connects with its first data", connect_with_data, 0 },
	{ "binds to a port", bind_to_port, 0 },
	{ "has a socket of MPTCP", socket_multipath, 0 },
	{ "has a raw socket", socket_raw, 0 },
	{ "has a packet socket", socket_packet, 0 },
	{ "has a socket for the audit", socket_audit, 0 },
	{ "has a pair of sockets", socket_pair, 0 },
	{ "listens", listen_here, 0 },
	{ "maps memory for code", map_code, 0 },
	{ "makes its data executable", make_code, 0 },
	{ "enters a namespace", new_namespace, 0 },
	{ "has a ring of io_uring", new_ring, 0 },
	{ "becomes dumpable", be_dumpable, 0 },
	{ "types into the terminal", type_into_terminal, 0 },
	{ "makes a FIFO", make_device, 0 },
	{ "changes the mode of its message", change_mode, 0 },
};

#define ACTS (sizeof acts / sizeof acts[0])

void
__wrap_deliver(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	(void)rcpts;
	(void)n;
	here = d;
	entry = e;
	for (size_t i = 0; i < ACTS; i++)
		results[i] = acts[i].run();
}

static char any[] = "*", named[] = "mx.example", user[] = "user", home[] = "~/Maildir",
    boxes_target[100];

static void
run_kind(const char *name, unsigned kind, const struct route *route, struct aliases *aliases)
{
	static struct config config;
	static struct hosts hosts;
	static struct dns_resolver resolver;
	static struct frame job = { .type = FRAME_JOB, .job.n = 1 };
	const struct worker_setup setup = {
		.queue = &f.q, .config = &config, .resolver = &resolver, .hosts = &hosts,
		.aliases = aliases, .route = route, .destination = "mx.example",
	};
	const int message = queue_open_message(&f.q, id);
	struct worker w = { .pid = -1 };
	struct frame in;
	int status = -1;

	config.server.hostname = named;
	config.relay.port = ntohs(listening[HOST_PORT].sin_port);
	memcpy(&resolver.servers[0], &listening[SERVER_PORT], sizeof listening[SERVER_PORT]);
	resolver.server_len[0] = sizeof listening[SERVER_PORT];
	resolver.nservers = 1;
	memset(results, -1, ACTS * sizeof *results);
	memcpy(job.job.id, id, sizeof id);
	job.job.at[0] = place;
	must(worker_start(&setup, &w) == 0, "worker_start");
	must(frame_put_job(w.fd, &job, message) == 0, "frame_put_job");
	ok(frame_get(w.fd, &in, true) == 1 && in.type == FRAME_DONE, "%s: the job ends", name);
	(void)close(w.fd);
	(void)close(message);
	ok(waitpid(w.pid, &status, 0) == w.pid && status == 0, "%s: the worker ends well", name);
	for (size_t i = 0; i < ACTS; i++) {
		const bool may = acts[i].allowed & kind;

		if (!ok((results[i] == 0) == may, "%s: it %s%s", name, may ? "" : "never ",
		    acts[i].name))
			printf("# %s\n", strerror(results[i]));
	}
}

static void
put_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	(void)close(fd);
}

static void
find_authority(void *ctx, const char *path)
{
	struct stat st;

	(void)ctx;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		(void)snprintf(authority, sizeof authority, "%s", path);
}

/* The places of the files of a test; those of each kind are beside the queue. */
static void
lay_out(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[200];

	(void)snprintf(other, sizeof other, "%s/other", f.path);
	(void)snprintf(boxes, sizeof boxes, "%s/boxes", f.path);
	(void)snprintf(boxes_target, sizeof boxes_target, "%s/boxes/{local}/box", f.path);
	(void)snprintf(box, sizeof box, "%s/boxes/file", f.path);
	(void)snprintf(secret_file, sizeof secret_file, "%s/secret", f.path);
	(void)snprintf(aliases_file, sizeof aliases_file, "%s/aliases", f.path);
	(void)snprintf(list_file, sizeof list_file, "%s/list", f.path);
	(void)snprintf(socket_file, sizeof socket_file, "%s/socket", f.path);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_file);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    listen(fd, 4) == 0, "a listening socket");
	(void)snprintf(text, sizeof text, "team: :include:%s\n", list_file);
	put_file(secret_file, "hunter2\n");
	put_file(aliases_file, text);
	put_file(list_file, "anna\n");
	tls_places(find_authority, NULL);
	must(authority[0] != '\0', "the system's certificates");
}

/* Listen on ports that the kernel chooses. */
static void
listen_on_ports(void)
{
	for (size_t i = 0; i < PORTS; i++) {
		socklen_t n = sizeof listening[i];
		const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		listening[i] = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		must(fd >= 0 && bind(fd, (struct sockaddr *)&listening[i], n) == 0 &&
		    listen(fd, 9) == 0 &&
		    getsockname(fd, (struct sockaddr *)&listening[i], &n) == 0, "a port");
	}
}

static bool
take(void *ctx, const char *name)
{
	(void)ctx;
	memcpy(id, name, sizeof id);
	return true;
}

int
main(void)
{
	const struct route mx = { .pattern = any, .via = VIA_MX };
	struct route login = { .pattern = any, .via = VIA_SMTP,
		.hosts = { { .name = named } }, .nhosts = 1, .user = user,
		.password_file = secret_file };
	const struct route lmtp = { .pattern = any, .via = VIA_LMTP, .target = socket_file };
	const struct route maildir = { .pattern = any, .via = VIA_MAILDIR,
		.target = boxes_target };
	const struct route owner = { .pattern = any, .via = VIA_OWNER, .target = home };
	const struct route print = { .pattern = any, .via = VIA_PRINT };
	struct route listed = { .pattern = any, .via = VIA_PRINT, .aliases = aliases_file };
	const struct config config = { .routes = &listed, .nroutes = 1 };
	struct aliases aliases;
	struct landlock l;
	char queued[QUEUE_ID_SIZE];
	struct queue_entry loaded;

	landlock_begin(&l, 0);
	if (l.error < 0) {
		printf("1..0 # SKIP no Landlock: %s\n", landlock_reason(l.error));
		return 0;
	}
	(void)close(l.fd);
	ports_closed = l.abi >= 4;
	fixture_open(&f);
	lay_out();
	listen_on_ports();
	login.hosts[0].port = ntohs(listening[HOST_PORT].sin_port);
	runner = getpid();
	results = mmap(NULL, ACTS * sizeof *results, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(results != MAP_FAILED, "mmap");
	must(submit(&f.q, SL("text\r\n"), 100, queued) == 0, "submit");
	must(queue_take_new(&f.q, take, NULL) == 1, "queue_take_new");
	must(queue_load(&f.q, id, &loaded) == 0, "queue_load");
	place = (uint32_t)loaded.rcpts[0].at;
	queue_unload(&loaded);
	must(queue_lock_runner(&f.q) == 0, "queue_lock_runner");
	must(aliases_init(&aliases, &config) == 0, "aliases_init");
	run_kind("mx", MX, &mx, NULL);
	run_kind("a host with a login", LOGIN, &login, NULL);
	run_kind("a socket for LMTP", LMTP_SOCKET, &lmtp, NULL);
	run_kind("maildir", MAILDIR, &maildir, NULL);
	run_kind("a user's maildir", OWNER, &owner, NULL);
	run_kind("print", PRINT, &print, NULL);
	run_kind("aliases", ALIASES, &delivery_way_aliases, &aliases);
	aliases_done(&aliases);
	fixture_close(&f);
	return tap_done();
}
