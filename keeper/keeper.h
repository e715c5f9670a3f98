/*
 * The keeper: a process of its own that alone holds the master key.
 *
 * keeper_start() forks it before any socket is opened.  Each thread of the daemon then
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
 *     question) whose other end, as the kernel tells, is root or the keeper's own user and
 *     is not the daemon itself.  It must have been accepted on a named socket, and the other
 *     end have no name of its own (as any client that does not bind).
 *
 * If the keeper dies, every client's pending questions fail with ERR_INTERNAL and `on_death`
 * runs once; the daemon then goes down cleanly and systemd starts both again.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"

enum keeper_op {
#define OP(name, speed, question, answer) KEEPER_##name,
#include "keeper/proto.def"
#undef OP
	KEEPER_OPS
};

#define KEEPER_FIELDS 10		/* most fields of a message */
#define KEEPER_MESSAGE_MAX (128 * 1024)	/* bytes of one message */
#define KEEPER_DIED "keeperDied"	/* code of the error that pending questions then get */
#define KEEPER_PROOF_PEER "peer"
#define KEEPER_UNCONFIRMED "unconfirmed"	/* code of ERR_DENIED: the keeper's word is good no more */
#define KEEPER_PROOF_SECONDS 300	/* how long the keeper's word that somebody gave the password is good */
#define KEEPER_USE_CERTIFICATE "certificate"
#define KEEPER_USE_ACCOUNT "account"	/* may sign; API keys do not export it */
#define KEEPER_USE_SITE "site"		/* as certificate, and the front may load it */

struct keeper_options {
	const char *master_key_file;	/* hex or 32 raw bytes */
	bool may_create;		/* make the file (0600) if it is missing: only when there is no store yet */
	const char *user;		/* become this user after reading the key; NULL: stay */
	int clients;			/* channels to make */
};

struct keeper;		/* the process, seen from its parent */
/*
 * Forks; returns when the keeper is ready or has said why not.  Call it before there are threads,
 * from the one that stays to the end: the keeper dies with it.
 */
struct keeper *keeper_start(const struct keeper_options *, struct err *);
/* Closes the channels, waits for it to end.  Detach all clients before.  NULL is fine. */
void keeper_stop(struct keeper *);
pid_t keeper_pid(const struct keeper *);

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
