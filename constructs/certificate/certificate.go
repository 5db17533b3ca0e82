// Package certificate makes an environment's two certificates: one in the home region for the API and the load balancer,
// one in us-east-1, the only place where CloudFront looks for its own.
package certificate

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/acmcertificate"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/acmcertificatevalidation"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/route53record"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Props says for which names the certificates are and where their owner proves itself.
type Props struct {
	Domains config.Domains
	// ZoneID is the zone that the proof is written to, by DNS.
	ZoneID string
	// DNS is the provider that may write the environment's names there, Virginia the one of us-east-1.
	DNS, Virginia cdktf.TerraformProvider
}

// Outputs are the certificates' ARNs. They are known when the certificates are valid: what uses them waits for that.
type Outputs struct {
	// RegionalArn is the home region's, VirginiaArn the one for CloudFront.
	RegionalArn, VirginiaArn string
}

// New makes both certificates, each for the environment's root name and every name one level below it.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	regional := request(scope, "regional", nil, props)
	virginia := request(scope, "virginia", props.Virginia, props)
	proof := proofRecord(scope, regional, props)
	return Outputs{
		RegionalArn: validated(scope, "regional_validation", nil, regional, proof),
		VirginiaArn: validated(scope, "virginia_validation", props.Virginia, virginia, proof),
	}
}

func request(scope constructs.Construct, id string, provider cdktf.TerraformProvider, props Props) acmcertificate.AcmCertificate {
	return acmcertificate.NewAcmCertificate(scope, jsii.String(id), &acmcertificate.AcmCertificateConfig{
		Provider:                provider,
		DomainName:              jsii.String(props.Domains.Root),
		SubjectAlternativeNames: jsii.Strings("*." + props.Domains.Root),
		ValidationMethod:        jsii.String("DNS"), // ACM.1: renewed without anybody's doing
		KeyAlgorithm:            jsii.String("RSA_2048"),
		Lifecycle:               &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
	})
}

// proofRecord is one for all: ACM asks the same of an account for a name and for the wildcard below it, in every region,
// and two resources for one record would take turns in overwriting it.
// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
func proofRecord(scope constructs.Construct, certificate acmcertificate.AcmCertificate, props Props) route53record.Route53Record {
	asked := certificate.DomainValidationOptions().Get(jsii.Number(0))
	return route53record.NewRoute53Record(scope, jsii.String("proof"), &route53record.Route53RecordConfig{
		Provider: props.DNS,
		ZoneId:   jsii.String(props.ZoneID),
		Name:     asked.ResourceRecordName(),
		Type:     asked.ResourceRecordType(),
		Records:  &[]*string{asked.ResourceRecordValue()},
		Ttl:      jsii.Number(300),
	})
}

func validated(scope constructs.Construct, id string, provider cdktf.TerraformProvider, certificate acmcertificate.AcmCertificate,
	proof route53record.Route53Record) string {
	return *acmcertificatevalidation.NewAcmCertificateValidation(scope, jsii.String(id), &acmcertificatevalidation.AcmCertificateValidationConfig{
		Provider:              provider,
		CertificateArn:        certificate.Arn(),
		ValidationRecordFqdns: &[]*string{proof.Fqdn()},
	}).CertificateArn()
}
