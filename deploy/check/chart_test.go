package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"payerflow/config"
)

const chart = "../helm/payerflow"

type values = map[string]any

// deployments are the shapes that the chart is rendered in, with what each must
// hold: kinds with names.
var deployments = map[string]struct {
	values values
	want   []string
}{
	"as it is": {nil, []string{"ConfigMap/pf", "Job/pf-setup", "NetworkPolicy/pf", "PodDisruptionBudget/pf-workers", "Service/pf", "Service/pf-workers", "StatefulSet/pf-workers"}},
	"with replicas, an event store and an authority": {values{
		"replicas": values{"count": 2, "username": "payerflow-views"},
		"secrets":  values{"store": "payerflow-store", "kafkaCA": "kafka-ca", "replicasKafka": "payerflow-views"},
		"workers": values{"nodeSelector": values{"disk": "fast"}, "tolerations": []any{values{"key": "stream", "operator": "Exists"}},
			"storage": values{"size": "100Gi", "className": "fast"}},
		"imagePullSecrets": []any{values{"name": "pull"}},
		"networkPolicy":    values{"clients": []any{values{"namespaceSelector": values{"matchLabels": values{"portal": "yes"}}}}, "monitoring": []any{values{"podSelector": values{}}}},
		"service":          values{"type": "LoadBalancer", "annotations": values{"a": "b"}},
	}, []string{"ConfigMap/pf", "Job/pf-setup", "NetworkPolicy/pf", "PodDisruptionBudget/pf-replicas", "PodDisruptionBudget/pf-workers", "Service/pf", "Service/pf-replicas",
		"Service/pf-views", "Service/pf-workers", "StatefulSet/pf-replicas", "StatefulSet/pf-workers"}},
	"scaled by lag, the bare rest": {values{
		"autoscaling": values{"enabled": true, "authentication": "kafka"}, "setup": values{"enabled": false}, "networkPolicy": values{"enabled": false},
		"secrets": values{"kafka": ""}, "config": values{"broker": values{"sasl": values{"mechanism": "none", "username": ""}}},
	}, []string{"ConfigMap/pf", "PodDisruptionBudget/pf-workers", "ScaledObject/pf-workers", "Service/pf", "Service/pf-workers", "StatefulSet/pf-workers"}},
}

// TestChart renders the chart and decodes each object into its type, where a
// field that the type does not know is an error.
func TestChart(t *testing.T) {
	for name, d := range deployments {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, doc := range render(t, d.values) {
				o := object(t, doc)
				got = append(got, o.GetObjectKind().GroupVersionKind().Kind+"/"+o.(meta.Object).GetName())
				if pod := podOf(o); pod != nil {
					hardened(t, *pod)
					mounted(t, o, *pod)
				}
			}
			if slices.Sort(got); !slices.Equal(got, d.want) {
				t.Errorf("%q, not %q", got, d.want)
			}
		})
	}
}

// TestChartRefuses wants a clear no to values that could not work.
func TestChartRefuses(t *testing.T) {
	for what, v := range map[string]values{
		"a key that is not there":  {"worker": values{"replicas": 2}},
		"no workers":               {"workers": values{"replicas": 0}},
		"a size without a unit":    {"workers": values{"storage": values{"size": "50"}}},
		"most below least":         {"autoscaling": values{"enabled": true, "min": 5, "max": 2}},
		"no secret of peers":       {"secrets": values{"peers": ""}},
		"a login without a secret": {"secrets": values{"kafka": ""}},
	} {
		if _, err := rendered(v); err == nil {
			t.Errorf("%s was rendered", what)
		}
	}
}

func TestChartHasNoLint(t *testing.T) {
	for _, m := range lint.All(chart, nil, "default", true).Messages {
		if m.Severity >= support.WarningSev {
			t.Errorf("%s", m)
		}
	}
}

func rendered(v values) (map[string]string, error) {
	c, err := loader.Load(chart)
	if err != nil {
		return nil, err
	}
	all, err := chartutil.ToRenderValues(c, v, chartutil.ReleaseOptions{Name: "pf", Namespace: "plan", Revision: 1, IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

func render(t *testing.T, v values) (docs []string) {
	t.Helper()
	files, err := rendered(v)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for doc := range strings.SplitSeq("\n"+text, "\n---\n") {
			if strings.TrimSpace(doc) != "" {
				docs = append(docs, doc)
			}
		}
	}
	return docs
}

// object is a rendered object in its type. A field that it does not have fails
// the test.
func object(t *testing.T, doc string) runtime.Object {
	t.Helper()
	var kind meta.TypeMeta
	if err := yaml.Unmarshal([]byte(doc), &kind); err != nil {
		t.Fatalf("%v in\n%s", err, doc)
	}
	kinds := map[string]runtime.Object{"ConfigMap": &core.ConfigMap{}, "Service": &core.Service{}, "StatefulSet": &apps.StatefulSet{}, "Job": &batch.Job{},
		"PodDisruptionBudget": &policy.PodDisruptionBudget{}, "NetworkPolicy": &networking.NetworkPolicy{}, "ScaledObject": &keda.ScaledObject{}}
	into, ok := kinds[kind.Kind]
	if !ok {
		t.Fatalf("no type for a %s", kind.Kind)
	}
	if err := yaml.UnmarshalStrict([]byte(doc), into); err != nil {
		t.Fatalf("%s: %v in\n%s", kind.Kind, err, doc)
	}
	return into
}

func podOf(object any) *core.PodSpec {
	switch o := object.(type) {
	case *apps.StatefulSet:
		return &o.Spec.Template.Spec
	case *batch.Job:
		return &o.Spec.Template.Spec
	}
	return nil
}

// TestConfigurationOfPods loads each container's configuration as the process
// would: the file, and over it the environment that Kubernetes makes.
func TestConfigurationOfPods(t *testing.T) {
	for name, d := range deployments {
		t.Run(name, func(t *testing.T) {
			var file string
			var pods []core.PodSpec
			for _, doc := range render(t, d.values) {
				switch o := object(t, doc).(type) {
				case *core.ConfigMap:
					file = filepath.Join(t.TempDir(), "payerflow.yaml")
					if err := os.WriteFile(file, []byte(o.Data["payerflow.yaml"]), 0o600); err != nil {
						t.Fatal(err)
					}
				case *apps.StatefulSet:
					pods = append(pods, o.Spec.Template.Spec)
				}
			}
			if file == "" || len(pods) == 0 {
				t.Fatal("nothing to load")
			}
			for _, p := range pods {
				c, err := config.Load(config.Options{File: file, Environ: environ(p.Containers[0])})
				if err != nil {
					t.Fatal(err)
				}
				if c.Peers.TLS.CA == "" || c.Security.SecretFile == "" || !strings.HasPrefix(c.Peers.Advertise, "pf-") {
					t.Error("a pod's environment does not reach the configuration")
				}
			}
		})
	}
}

// environ is what a container sees: references to its own variables and to
// fields of the pod are filled in.
func environ(c core.Container) (out []string) {
	fields := map[string]string{"POD_NAME": "pf-workers-0", "POD_NAMESPACE": "plan"}
	for _, e := range c.Env {
		value := e.Value
		switch {
		case e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil:
			value = "mongodb://store/payerflow"
		case e.ValueFrom != nil:
			value = fields[e.Name]
		}
		for name, v := range fields {
			value = strings.ReplaceAll(value, "$("+name+")", v)
		}
		out = append(out, e.Name+"="+value)
	}
	return out
}

// hardened holds pods to the restricted profile of Kubernetes' pod security
// standards, and to limits.
func hardened(t *testing.T, p core.PodSpec) {
	t.Helper()
	s := p.SecurityContext
	if p.EnableServiceLinks == nil || *p.EnableServiceLinks {
		t.Error("a service named payerflow would break the configuration of its pods")
	}
	if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken {
		t.Error("a pod has more rights than it needs")
	}
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		s := c.SecurityContext
		if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
			s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL") {
			t.Errorf("container %s has more rights than it needs", c.Name)
		}
		if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
			t.Errorf("container %s has no bounds", c.Name)
		}
	}
}

// mounted looks for volumes that nobody mounts, mounts without a volume, paths
// in the environment that nothing is mounted at, and labels that do not fit.
func mounted(t *testing.T, object any, pod core.PodSpec) {
	t.Helper()
	volumes, used := map[string]bool{}, map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	if set, ok := object.(*apps.StatefulSet); ok {
		for _, v := range set.Spec.VolumeClaimTemplates {
			volumes[v.Name] = true
		}
		for k, v := range set.Spec.Selector.MatchLabels {
			if set.Spec.Template.Labels[k] != v {
				t.Errorf("label %s does not fit the selector", k)
			}
		}
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		var paths []string
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("no volume %s", m.Name)
			}
			used[m.Name] = true
			paths = append(paths, m.MountPath)
		}
		for _, text := range slices.Concat(c.Args, environ(c)) {
			_, path, _ := strings.Cut(text, "=")
			if path == "" {
				path = text
			}
			// /data of a job is on no volume: it keeps nothing there
			if strings.HasPrefix(path, "/") && path != "/data" && !slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(path, p) }) {
				t.Errorf("%s is where nothing is mounted", path)
			}
		}
	}
	if len(used) != len(volumes) {
		t.Errorf("volumes %v, of which %v are mounted", volumes, used)
	}
}
