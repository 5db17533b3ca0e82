package stacks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Synthesize writes Terraform for all stacks into the folder, or leaves the folder as it was and says why.
func Synthesize(project config.Project, folder string) (err error) {
	defer jsii.Close()
	defer func() {
		// jsii reports every error by a panic, as an error or as a plain string
		if cause := recover(); cause != nil {
			err = fmt.Errorf("synthesis failed: %v", cause)
		}
	}()
	partial, err := os.MkdirTemp(filepath.Dir(folder), ".synth-")
	if err != nil {
		return fmt.Errorf("no folder to synthesize into: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(partial)) }()

	app := cdktf.NewApp(&cdktf.AppConfig{Outdir: jsii.String(partial)})
	Define(app, project)
	app.Synth()
	return os.CopyFS(folder, os.DirFS(partial))
}
