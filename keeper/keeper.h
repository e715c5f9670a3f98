/*
 * The keeper: a process of its own that alone holds the master key.
 *
 * keeper_start() starts it before any socket is opened, executed anew.  Each thread of the daemon then
 * attaches one client to its own channel (a SOCK_SEQPACKET pair: one message, one packet),
 * asks questions of proto.def and gets each answer in a callback on its own loop.
 *
 * A private key leaves the keeper only for a proof:
 *   - the API key whose hash is sealed in the key's access blob,
 *   - the keeper's own word that a person who works with keys has given password and code in the last minutes:
 *     random text that user_check answers and that only the keeper's memory knows,
 *   - for files with a certificate (pack), the API key of a certificate that the key's access blob names, unless the
 *     certificate's own access blob withholds it, or
 *   - KEEPER_PROOF_PEER: the file descriptor of a Unix-socket connection (passed with the
 *     question) whose other end, as the kernel tells, is root, the keeper's own user or a member of
 *     the administrators' group (base/process/local_admin.h), and is not the daemon itself.  It must have been
 *     accepted on a named socket, and the other end have no name of its own (as any client that does not bind).
 *
 * If the keeper dies, every client's pending questions fail with ERR_LATER and `on_death`
 * runs once; the daemon then goes down cleanly and systemd starts both again.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include "base/loop.h"
#include "base/process/channel.h"
#include "base/process/local_admin.h"
#include "base/process/user.h"

enum keeper_op {
#define OP(name, lane, who, question, answer) KEEPER_##name,
#include "keeper/proto.def"
#undef OP
	KEEPER_OPS
};

#define KEEPER_FIELDS 10		/* most fields of a message */
#define KEEPER_MESSAGE_MAX CHANNEL_PACKET_MAX	/* bytes of one message */
#define KEEPER_DIED "keeperDied"	/* code of the error that pending questions then get */
#define KEEPER_PROOF_PEER "peer"
#define KEEPER_UNCONFIRMED "unconfirmed"	/* code of ERR_DENIED: the proof token has expired */
#define KEEPER_PROOF_SECONDS 300	/* how long the proof token is valid after somebody gave the password */
#define KEEPER_PROOF_IDS 64	/* for how many keys, certificates and users; one more needs the password again */
#define MARKS_FILE "keeper/marks"	/* in the state directory */
#define KEEPER_USE_CERTIFICATE "certificate"
#define KEEPER_USE_ACCOUNT "account"	/* may sign; API keys do not export it */
#define KEEPER_USE_SITE "site"		/* as certificate, and the front may load it */

struct keeper_options {
	const char *master_key_file;	/* hex or 32 raw bytes */
	bool may_create;		/* make the file (0600) if it is missing: only when there is no store yet */
	const char *marks_file;		/* what is over (marks.h), made by whom it becomes; NULL: in memory only */
	bool forget_marks;		/* it begins anew: another store is put in place */
	/*
	 * Whom it becomes; a file that only this user can read, or that is to be made, is read after that.  NULL: it
	 * stays.
	 */
	const struct system_user *user;
	const struct local_admins *admins; /* who may prove, beside root and that user; NULL: nobody */
	int clients;			/* channels to make */
	/* channel 0 is the engine's, the others are desks': each asks its own (proto.def) */
	bool roles;
};

struct keeper;		/* the process, seen from its parent */
/*
 * Returns when the keeper is ready or has said why not.  Call it before there are threads,
 * from the one that stays to the end: the keeper dies with it.
 */
struct keeper *keeper_start(const struct keeper_options *, struct err *);
/* Closes the channels, waits for it to end.  Detach all clients before.  NULL is fine. */
void keeper_stop(struct keeper *);
pid_t keeper_pid(const struct keeper *);
int channel_of(const struct keeper *, int index);	/* our end of this channel */

struct keeper_client;
/* index: 0 .. clients-1, each once, on the thread that runs the loop. */
struct keeper_client *keeper_attach(struct keeper *, int index, struct loop *, void (*on_death)(void *arg),
				    void *arg);
void keeper_detach(struct keeper_client *);	/* pending questions are forgotten, without callbacks; NULL is fine */

struct keeper_answer {
	const struct err *err;			/* NULL: the fields are those of proto.def */
	struct slice field[KEEPER_FIELDS];	/* valid during the callback; each is NUL-terminated behind len */
	size_t fields;
};
typedef void keeper_cb(void *arg, const struct keeper_answer *);
struct keeper_question;		/* one under way */

/*
 * Asks; `fields` as many as proto.def says.  proof_fd: passed along for KEEPER_PROOF_PEER, else -1.
 * The callback comes later, never from inside.  Cancel with keeper_cancel() before it came.
 */
struct keeper_question *keeper_ask(struct keeper_client *, enum keeper_op, const struct slice *fields, size_t count,
				   int proof_fd, keeper_cb *, void *arg);
#define KEEPER_ASK(client, op, proof_fd, cb, arg, ...) \
	keeper_ask(client, KEEPER_##op, (const struct slice[]){ __VA_ARGS__ }, \
		   sizeof((const struct slice[]){ __VA_ARGS__ }) / sizeof(struct slice), proof_fd, cb, arg)
void keeper_cancel(struct keeper_question *);
/*
 * Asks and waits, before a client attaches to this index (start-up only).  out[] need not be initialized;
 * all of it can be released whatever happened.  Answers are wiped and freed by the caller.
 */
int keeper_ask_now(struct keeper *, int index, enum keeper_op, const struct slice *fields, size_t count,
		   struct buf out[KEEPER_FIELDS], struct err *);

#endif
