from tests.integration.registration.world import World, form


async def test_world(world: World) -> None:
    a = await world.register(form())
    print(a.json())
    assert a.status_code == 201
    assert (await world.h.replay()).equal
