"""An embedded AWS that is resumed answers where it did before."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from trueup.errors import ConflictError
from trueup.local import service
from trueup.local.service import Running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def told(state: Path, port: int, gateway_port: int) -> None:
    service._write_env(state, Running(0, 0, port, gateway_port, "dev"))


def test_a_state_keeps_its_ports(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    told(tmp_path, *ports)
    assert service._ports(tmp_path) == ports


def test_a_new_state_gets_ports_that_nobody_has(tmp_path: Path) -> None:
    port, gateway_port = service._ports(tmp_path)
    assert port != gateway_port
    assert service._is_free(port)


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told(tmp_path, port, free_port())
        with pytest.raises(ConflictError, match=rf"port {port}, .* is taken.*trueup local reset"):
            service._ports(tmp_path)


def test_the_workbench_moves_where_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken, port = other.getsockname()[1], free_port()
        told(tmp_path, port, taken)
        kept, gateway_port = service._ports(tmp_path)
    assert kept == port
    assert gateway_port != taken
