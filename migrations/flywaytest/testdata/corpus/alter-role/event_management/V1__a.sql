ALTER ROLE batbern_readonly SET lock_timeout = 0;
