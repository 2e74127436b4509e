"""Reads the network of a service's tasks, once for all checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.aws import ec2
from ecs_cd.job.job import Job
from ecs_cd.verify.asking import Answers
from ecs_cd.verify.rules.network import Setting
from ecs_cd.verify.rules.routes import Vpc

Json = Mapping[str, Any]


def subnets(job: Job, answers: Answers, setting: Setting) -> list[dict[str, Any]]:
    """The subnets that exist, in the setting's order."""
    read = answers.get(("subnets", setting.subnets), lambda: ec2.subnets(job.aws, setting.subnets))
    order = {name: number for number, name in enumerate(setting.subnets)}
    return sorted(read, key=lambda subnet: order.get(str(subnet["SubnetId"]), len(order)))


def security_groups(job: Job, answers: Answers, setting: Setting) -> list[dict[str, Any]]:
    """The tasks' security groups that exist; the default one of the VPC if the setting names none."""
    if setting.groups:
        return answers.get(("groups", setting.groups), lambda: ec2.security_groups(job.aws, setting.groups))
    listed = subnets(job, answers, setting)
    if not listed:
        return []
    name = str(listed[0]["VpcId"])
    return answers.get(("default group", name), lambda: ec2.default_security_group(job.aws, name))


def vpc(job: Job, answers: Answers, setting: Setting) -> Vpc:
    """The VPC of the first subnet, with those of the setting's subnets that are in it."""
    listed = subnets(job, answers, setting)
    name = str(listed[0]["VpcId"])
    tables = answers.get(("route tables", name), lambda: ec2.route_tables(job.aws, name))
    nats = sorted(
        {str(r["NatGatewayId"]) for table in tables for r in table.get("Routes", ()) if r.get("NatGatewayId")}
    )
    gateways = answers.get(("nat gateways", *nats), lambda: ec2.nat_gateways(job.aws, nats))
    endpoints = answers.get(("endpoints", name), lambda: ec2.endpoints(job.aws, name))
    theirs = sorted({str(group["GroupId"]) for each in endpoints for group in each.get("Groups", ())})
    of_endpoints = answers.get(("groups", *theirs), lambda: ec2.security_groups(job.aws, theirs))
    groups = {str(group["GroupId"]): group for group in (*security_groups(job, answers, setting), *of_endpoints)}
    inside = [each for each in listed if each["VpcId"] == name]
    return Vpc(inside, tables, endpoints, gateways, list(groups.values()))
