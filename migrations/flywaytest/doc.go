// Package flywaytest runs the migrations with the real Flyway, of the image's version, on a real PostgreSQL, as the
// role that runs them in AWS. It needs Java and Maven; Maven fetches Flyway once into .cache at the repository's root.
package flywaytest
