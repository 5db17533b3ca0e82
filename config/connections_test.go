package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// classes are every instance class that Machine knows, whether RDS offers it or not.
func classes() []string {
	var all []string
	for family := range memoryPerLarge {
		for size := range sizes {
			all = append(all, "db."+family+"7g."+size)
		}
	}
	slices.Sort(all)
	return all
}

// On every class and with any number of services, a configuration is taken exactly when the proxy, Flyway, the rotation
// of every password at once, the bootstrap, operators and what PostgreSQL and RDS keep for themselves fit together into
// max_connections.
func TestConnectionsFitOnEveryClass(t *testing.T) {
	base := load(t, nil).Environments[0]
	taken, refused := 0, 0
	for _, class := range classes() {
		for percent := 10; percent <= 90; percent += 5 {
			for _, services := range []int{0, 1, len(base.Services), 40} {
				for _, replica := range []bool{false, true} {
					environment := base
					environment.Database.InstanceClass, environment.Database.ProxyConnectionsPercent, environment.Database.ReadReplica = class, percent, replica
					environment.Services = nil
					for i := range services {
						environment.Services = append(environment.Services, Service{Name: fmt.Sprint("service-", i), DatabaseUser: fmt.Sprint("user_", i)})
					}
					environment.Services = append(environment.Services, Service{Name: "without-a-database"})

					machine, _ := environment.Database.Machine()
					rotations := services + 1
					if replica {
						rotations++
					}
					const flyway, operators, bootstrap, superusers, rdsSuperusers = 5, 5, 2, 3, 2
					sum := machine.MaxConnections()*percent/100 + flyway + operators + bootstrap + superusers + rdsSuperusers + rotations
					fits := sum <= machine.MaxConnections()

					var faults Faults
					environment.checkConnections("dev", &faults)
					if (len(faults) == 0) != fits {
						t.Fatalf("%s, %d %%, %d services, replica %v: %d of %d connections, and the check says %v",
							class, percent, services, replica, sum, machine.MaxConnections(), faults)
					}
					if fits {
						taken++
					} else {
						refused++
					}
				}
			}
		}
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d configurations taken, %d refused: the property says nothing", taken, refused)
	}
}

// The remedy in the fault works: the share that it allows is taken, and one more is not.
func TestAllowedShareIsTaken(t *testing.T) {
	for _, class := range classes() {
		environment := load(t, nil).Environments[0]
		environment.Database.InstanceClass, environment.Database.ProxyConnectionsPercent = class, 100
		var faults Faults
		environment.checkConnections("dev", &faults)
		if len(faults) != 1 {
			t.Fatalf("%s: a proxy that takes everything gives %v", class, faults)
		}
		var allowed int
		if _, err := fmt.Sscanf(faults[0].Allowed, "%d", &allowed); err != nil || !strings.Contains(faults[0].Allowed, class) {
			t.Fatalf("%s: %v", faults[0], err)
		}
		environment.Database.ProxyConnectionsPercent = allowed
		faults = nil
		if environment.checkConnections("dev", &faults); len(faults) > 0 {
			t.Errorf("%s: %v", class, faults)
		}
	}
}

func TestMaxConnections(t *testing.T) {
	for mebibytes, want := range map[int]int{1024: 79, 2048: 192, 4096: 417, 8192: 868, 65536: 5000, 200: 0} {
		if got := (Machine{MemoryMiB: mebibytes}).MaxConnections(); got != want {
			t.Errorf("%d MiB: %d connections, want %d", mebibytes, got, want)
		}
		// never more than by the documented formula on the whole memory
		if most := mebibytes * 1024 * 1024 / 9531392; (Machine{MemoryMiB: mebibytes}).MaxConnections() > most {
			t.Errorf("%d MiB: more than the %d that RDS gives", mebibytes, most)
		}
	}
	if _, known := (Database{InstanceClass: "db.z9.large"}).ProxyConnections(); known {
		t.Error("an unknown class has connections")
	}
}
