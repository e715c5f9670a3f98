/*
 * Which scripts run for a certificate: its own, with arguments and environment, are an administrator's choice.  What a
 * former release let others choose is kept, but does not run until an administrator has confirmed it.
 */
#ifndef STORE_HOOKS_H
#define STORE_HOOKS_H

#include "store/record/record.h"

/* Of a certificate's field hooks.  UNSAID: it has none of its own. */
enum hooks_choice { HOOKS_UNSAID, HOOKS_CHOSEN, HOOKS_UNCONFIRMED };

#define HOOKS_NONE "none"	/* as its deploy_hook: it has none, whatever is configured */
/* Its own, one bit a member of the API: hook_set, deploy_environment, ... */
unsigned hooks_of(const struct rec_cert *);
#define HOOKS_ALL (~0u)
/* The bit of the member of that name; 0: it is none of them. */
unsigned hooks_member(const char *name);

/*
 * An administrator chose these members, as they are now; others that nobody has confirmed still keep all from running.
 */
void hooks_choose(struct rec_cert *, unsigned members, const char *by);

/* May those for its DNS records, or for deploying, run?  -1 as hooks_refuse(). */
int hooks_check_dns(const struct rec_cert *, struct err *);
int hooks_check_deploy(const struct rec_cert *, struct err *);
#define HOOKS_UNCONFIRMED_CODE "hooksUnconfirmed"
int hooks_refuse(struct err *);		/* -1: nobody has confirmed them, and so they are tried again only in a day */

/*
 * From a store in which nothing says who chose them (format 1): the audit log does.  What it does not show to be an
 * administrator's choice is unconfirmed, which people are told.
 */
int hooks_judge_all(struct store *, struct err *);

#endif
