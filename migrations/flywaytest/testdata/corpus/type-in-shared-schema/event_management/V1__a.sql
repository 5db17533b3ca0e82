CREATE TYPE shared_kernel.state AS ENUM ('new');
