#include "store/details.h"

struct csr_details details_of(const struct rec_cert *cert)
{
	return (struct csr_details){
#define DETAIL(field, member, oid, tag, least, most, what) .field = cert->member,
#include "pki/detail.def"
#undef DETAIL
		.must_staple = cert->must_staple,
	};
}
