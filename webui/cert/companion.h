/* The names that people usually want in the same certificate: www.example.org and example.org. */
#ifndef WEBUI_CERT_COMPANION_H
#define WEBUI_CERT_COMPANION_H

/*
 * Those that are missing: www.example.org for example.org, if that is a registrable domain; the other way round; and
 * example.org for *.example.org.  A list of its own, NULL if nothing is missing.
 */
char **companions_of(char *const *names);

#endif
