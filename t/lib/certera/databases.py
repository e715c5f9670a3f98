"""The databases of Certwarden and of Certera 2, by their published schemas."""
import sqlite3

# As in the published migrations of certwarden-backend (01 to 12): the columns that have to do with certificates.
CERTWARDEN = """
CREATE TABLE acme_servers (id integer PRIMARY KEY, name text, description text, directory_url text, is_staging integer, created_at integer, updated_at integer);
CREATE TABLE private_keys (id integer PRIMARY KEY, name text, description text, algorithm text, pem text, api_key text, api_key_new text DEFAULT '',
  api_key_disabled integer DEFAULT 0, api_key_via_url integer DEFAULT 0, last_access integer DEFAULT 0, created_at integer, updated_at integer);
CREATE TABLE acme_accounts (id integer PRIMARY KEY, name text, private_key_id integer, description text, status text, email text, accepted_tos integer,
  created_at integer, updated_at integer, kid text, acme_server_id integer);
CREATE TABLE certificates (id integer PRIMARY KEY, private_key_id integer, acme_account_id integer, name text, description text, subject text, subject_alts text,
  csr_org text, csr_ou text, csr_country text, csr_state text, csr_city text, csr_extra_extensions text DEFAULT '[]', preferred_root_cn text DEFAULT '',
  api_key text, api_key_new text DEFAULT '', api_key_via_url integer DEFAULT 0, post_processing_command text DEFAULT '', post_processing_environment text DEFAULT '[]',
  post_processing_client_key text DEFAULT '', post_processing_client_address text DEFAULT '', profile text DEFAULT '', last_access integer DEFAULT 0,
  created_at integer, updated_at integer);
CREATE TABLE acme_orders (id integer PRIMARY KEY, certificate_id integer, acme_location text, status text, known_revoked integer DEFAULT 0, error text, expires integer,
  dns_identifiers text, authorizations text, finalize text, finalized_key_id integer, certificate_url text, pem text, valid_from integer, valid_to integer,
  chain_root_cn text, profile text, renewal_info text, created_at integer, updated_at integer);
"""

# As its published data models (Certera.Data) make it.
CERTERA = """
CREATE TABLE Keys (KeyId INTEGER PRIMARY KEY, Name TEXT, Description TEXT, RawData TEXT, DateCreated TEXT, DateModified TEXT, DateRotationReminder TEXT, ApiKey1 TEXT, ApiKey2 TEXT);
CREATE TABLE AcmeAccounts (AcmeAccountId INTEGER PRIMARY KEY, AcmeContactEmail TEXT, AcmeAcceptTos INTEGER, DateCreated TEXT, DateModified TEXT, IsAcmeStaging INTEGER,
  KeyId INTEGER, ApplicationUserId INTEGER);
CREATE TABLE AcmeCertificates (AcmeCertificateId INTEGER PRIMARY KEY, Name TEXT, DateCreated TEXT, DateModified TEXT, Subject TEXT, SANs TEXT, KeyId INTEGER,
  ChallengeType TEXT, CsrCountryName TEXT, CsrState TEXT, CsrLocality TEXT, CsrOrganization TEXT, CsrOrganizationUnit TEXT, CsrCommonName TEXT, AcmeAccountId INTEGER,
  ApiKey1 TEXT, ApiKey2 TEXT);
CREATE TABLE AcmeOrders (AcmeOrderId INTEGER PRIMARY KEY, DateCreated TEXT, RequestCount INTEGER, InvalidResponseCount INTEGER, Status INTEGER, Errors TEXT, RawDataPem TEXT,
  AcmeCertificateId INTEGER, DomainCertificateId INTEGER);
CREATE TABLE Domains (DomainId INTEGER PRIMARY KEY, Uri TEXT, DateCreated TEXT, DateLastScanned TEXT, RegistrableDomain TEXT, "Order" INTEGER);
"""


def insert(db, tables):
    for table, rows in tables.items():
        for row in rows:
            db.execute(f"INSERT INTO {table} ({', '.join(chr(34) + c + chr(34) for c in row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    db.commit()


def database(t, name, schema, **tables):
    """A file with such a database, and these rows; its path."""
    path = t.write(name, "")
    db = sqlite3.connect(path)
    db.executescript(schema)
    insert(db, tables)
    db.close()
    return path
