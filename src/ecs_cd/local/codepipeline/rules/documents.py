"""What the documents of ecs-cd among the parameters say about CodeDeploy."""

from __future__ import annotations

from ecs_cd.deploy.rules import codedeploy
from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import Document
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup, Infra, Parameter
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import short


def read(parameter: Parameter) -> Document | None:
    """The document of ecs-cd in a parameter, if it is one."""
    try:
        return document.load(parameter.value, where=parameter.name)
    except Refused:
        return None


def deployment_groups(infra: Infra) -> tuple[DeploymentGroup, ...]:
    """CodeDeploy's groups: those that the file declares, and those of the services in ecs-cd's documents."""
    from_documents = [
        DeploymentGroup(names.application, names.deployment_group, short(each.cluster), short(service.name))
        for each in filter(None, map(read, infra.parameters))
        for service in each.services.values()
        for names in [codedeploy.names(service.codedeploy, each.cluster, service.name)]
    ]
    return (*from_documents, *infra.deployment_groups)  # of two with the same name, the declared one counts
