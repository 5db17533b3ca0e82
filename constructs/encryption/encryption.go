// Package encryption makes the KMS keys: one for each class of data, so that a right to one class is none to another,
// and a class can be shut by disabling one key.
//
// All keys rotate every year (KMS.4). No key policy names a role: that would tie stacks into knots. Instead the
// account's IAM policies decide who may use a key (KMS.1, KMS.2), and the key policy says through which AWS service
// (kms:ViaService), so that a stolen right to a key is useless outside of it.
package encryption

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/kmsalias"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/kmskey"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/kmskeypolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Props says whose keys they are.
type Props struct {
	Name       string // prefix of the aliases, e.g. "batbern-dev" gives "alias/batbern-dev-data"; also the ECS cluster's name
	AccountID  string
	Region     string
	Protection config.Protection
	// Provider is where the keys are made; nil means the stack's first provider. Region has to agree with it.
	Provider cdktf.TerraformProvider
}

// Outputs are the keys by what they encrypt.
type Outputs struct {
	DataKeyArn     string // RDS, Performance Insights, ElastiCache, Fargate's ephemeral storage
	SecretsKeyArn  string // Secrets Manager, SSM parameters
	StorageKeyArn  string // S3 buckets; its policy is [StoragePolicy]
	StorageKeyID   string
	LogsKeyArn     string // CloudWatch Logs, X-Ray
	MessagesKeyArn string // SNS
}

// New makes an environment's keys, with their aliases. The storage key has KMS's default policy until [StoragePolicy]
// gives it its own.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	storage := key(scope, props, Storage)
	return Outputs{
		DataKeyArn:     *key(scope, props, Data).Arn(),
		SecretsKeyArn:  *key(scope, props, Secrets).Arn(),
		StorageKeyArn:  *storage.Arn(),
		StorageKeyID:   *storage.KeyId(),
		LogsKeyArn:     *key(scope, props, Logs).Arn(),
		MessagesKeyArn: *key(scope, props, Messages).Arn(),
	}
}

// KeyOutputs is one key. The zero value is none.
type KeyOutputs struct{ ID, Arn string }

// Key makes one key of a class: for what lives in another region (logs in us-east-1, backup copies in the recovery
// region), and for the base, which needs fewer.
func Key(scope constructs.Construct, id string, props Props, class Class) KeyOutputs {
	made := key(constructs.NewConstruct(scope, jsii.String(id)), props, class)
	return KeyOutputs{ID: *made.KeyId(), Arn: *made.Arn()}
}

func key(scope constructs.Construct, props Props, class Class) kmskey.KmsKey {
	args := &kmskey.KmsKeyConfig{
		Description:          jsii.String(props.Name + ": " + class.contents()),
		EnableKeyRotation:    jsii.Bool(true), // every year, which is KMS's default period
		DeletionWindowInDays: jsii.Number(props.Protection.KeyDeletionDays()),
		Lifecycle:            &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(props.Protection.PreventDestroy())},
		Provider:             props.Provider,
		Tags:                 &map[string]*string{"Name": jsii.String(props.Name + "-" + string(class))},
	}
	if class != Storage {
		args.Policy = jsii.String(KeyPolicy(class, props).JSON())
	}
	made := kmskey.NewKmsKey(scope, jsii.String(string(class)), args)
	kmsalias.NewKmsAlias(scope, jsii.String(string(class)+"_alias"), &kmsalias.KmsAliasConfig{
		Name:        jsii.String("alias/" + props.Name + "-" + string(class)),
		TargetKeyId: made.KeyId(),
		Provider:    props.Provider,
	})
	return made
}

// StoragePolicyProps says who besides the account may read what the storage key encrypts.
type StoragePolicyProps struct {
	KeyID     string // not its ARN, which the provider takes and then finds changed in every plan
	AccountID string
	Region    string
	// Provider is the one that made the key; nil means the stack's first provider.
	Provider cdktf.TerraformProvider
	// DistributionArns are the CloudFront distributions that read the buckets, each by its ARN; none means no
	// distribution may.
	DistributionArns []string
}

// StoragePolicy sets the storage key's policy. It is a resource of its own, made last: the policy names distributions,
// their buckets need the key, and as an argument of the key that would be a circle.
func StoragePolicy(scope constructs.Construct, id string, props StoragePolicyProps) {
	kmskeypolicy.NewKmsKeyPolicy(scope, jsii.String(id), &kmskeypolicy.KmsKeyPolicyConfig{
		Provider: props.Provider,
		KeyId:    jsii.String(props.KeyID),
		Policy:   jsii.String(StorageKeyPolicy(props).JSON()),
	})
}
