package block

import "github.com/aws/jsii-runtime-go"

// Strings returns a map in the form that the AWS binding requires.
func Strings(values map[string]string) *map[string]*string {
	out := make(map[string]*string, len(values))
	for key, value := range values {
		out[key] = jsii.String(value)
	}
	return &out
}
