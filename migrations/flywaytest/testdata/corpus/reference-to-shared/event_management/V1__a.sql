CREATE TABLE events (topic text REFERENCES shared_kernel.topics);
