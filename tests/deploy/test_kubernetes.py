"""The manifests in k8s/, built by kustomize and checked against Kubernetes' schemas."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from rollbook import __version__
from rollbook.account import links
from rollbook.settings import Settings

K8S = Path(__file__).parents[2] / "k8s"
OVERLAYS = ("dev", "prod")
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="needs kubectl")


@cache
def build(overlay):
    command = ["kubectl", "kustomize", K8S / "overlays" / overlay]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # A warning is about something that will stop working.
    return list(yaml.safe_load_all(done.stdout))


def list_pods(overlay):
    """The pod templates by the kind and name of what creates them."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": each["spec"]["template"]
        for each in build(overlay)
        if each["kind"] in ("Deployment", "Job", "StatefulSet")
    }


def list_selectors(overlay):
    """What selects pods, by kind and name."""
    for each in build(overlay):
        spec = each.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector")
        if each["kind"] != "Job" and selector:
            yield (
                f"{each['kind']}/{each['metadata']['name']}",
                selector.get("matchLabels", selector),
            )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_match_the_schemas_of_kubernetes(overlay):
    for each in build(overlay):
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def test_misspelled_field_is_found():
    wrong = next(each for each in build("prod") if each["kind"] == "Deployment")
    wrong = wrong | {"spec": wrong["spec"] | {"replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_is_confined(overlay):
    for name, pod in list_pods(overlay).items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], name
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_selector_finds_pods(overlay):
    pods = [pod["metadata"]["labels"] for pod in list_pods(overlay).values()]
    for name, labels in list_selectors(overlay):
        assert any(labels.items() <= pod.items() for pod in pods), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_setting_exists(overlay):
    known = {name.upper() for name in Settings.model_fields}
    example = yaml.safe_load((K8S / "secret.example.yaml").read_text())
    (config,) = [each for each in build(overlay) if each["kind"] == "ConfigMap"]
    assert config["data"].keys() | example["stringData"].keys() <= known
    given = {name.lower(): value for name, value in config["data"].items()}
    secrets = {"secret_key": "0f8c3b5e7d9a1c2e4f6081a3b5c7d9ef"}
    secrets |= {} if overlay == "dev" else {"mongodb_uri": "mongodb://mongo/?replicaSet=rs0"}
    Settings(_env_file=None, **given | secrets)


def test_example_has_no_secret():
    example = yaml.safe_load((K8S / "secret.example.yaml").read_text())
    assert set(example["stringData"].values()) == {""}


def test_probes_ask_routes_that_exist(client):
    (api,) = list_pods("prod")["Deployment/rollbook"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert client.get(api[probe]["httpGet"]["path"]).status_code == 200


def test_ingress_routes_the_pages_that_links_lead_to():
    (ingress,) = [each for each in build("prod") if each["kind"] == "Ingress"]
    prefixes = [path["path"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    pages = [path for name, path in vars(links).items() if name.endswith("_PATH")]
    assert links.VERIFY_PATH in pages
    assert [
        page for page in pages if not any(page.startswith(f"{each}/") for each in prefixes)
    ] == []


def test_production_runs_this_version():
    images = {
        container["image"]
        for pod in list_pods("prod").values()
        for container in pod["spec"]["containers"]
    }
    assert {image.rpartition(":")[2] for image in images} == {__version__}
    kinds = {each["kind"] for each in build("prod")}
    assert kinds >= {"HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "PodDisruptionBudget"}
    assert "Secret" not in kinds
